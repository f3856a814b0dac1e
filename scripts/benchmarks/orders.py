"""Whole order tasks on real engines, ours beside chains of four Celery tasks that call the same role code.

All keep the same tasks with the same results in the same PostgreSQL and carry the work over the same RabbitMQ.

- The same work: Celery's side takes each order over HTTP with a token (FastAPI, uvicorn), does each step once (an inbox
  row in its commit), keeps its facts in an outbox by that commit, sends each to the same Kafka, confirmed, puts them on
  the chained record and into the live streams of the same Redis, by the platform's own code. What it has not: a relay
  for what a crash left, dead letters, the host's view of all that happens, scale to zero.
- Facts that a crash may lose: the same without the outbox and the live streams.
- The bare chain: called in process, with the tasks, the roles and Celery's own results, and nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace

from scripts.benchmarks import machine
from scripts.benchmarks.celery_side import PROCESSES, RESULTS, app_settings, ask, require_celery, worker
from scripts.benchmarks.measure import Bench, Better, Figure
from scripts.benchmarks.messages import GOAL, LEAST, PREFETCH
from scripts.benchmarks.order_steps import CHAIN, Care
from scripts.benchmarks.platform import ROOT, environment
from scripts.benchmarks.real import Engines, engines, make_topology, migrate, new_databases
from scripts.benchmarks.tasks import BATCH, Numbers, engines_taken, many, real_platform, wait_for_tasks
from scripts.benchmarks.view import Server, counter
from scripts.benchmarks.waiting import Caller, free_port, wait_for
from scripts.benchmarks.work import plain_orders

SAME = "Celery, the same work"
LOSING = "Celery, facts that a crash may lose"
BARE = "Celery, a bare chain of four"
_DOOR = "scripts.benchmarks.celery_door:app"
_HOW = (
    f"{BATCH} orders at once a round. CPU of all processes of a side without the engines. Ours: host, bridge, zygotes, "
    "functions, cache; HTTP, tokens, inbox, outbox, facts on Kafka, the record. "
)
_DOORS = (
    f"Celery: uvicorn, main and {PROCESSES} worker processes; HTTP, token, inbox, facts on Kafka and the record, by "
    "the platform's own code in the step's process; results of Celery's own; "
)
_OTHERS = {
    SAME: _DOORS + "outbox and live streams",
    LOSING: _DOORS + "no outbox, no live streams",
    BARE: f"Celery: a process that submits, main and {PROCESSES} worker processes; the same rows of tasks, results of "
    "Celery's own; called in process, no facts, no record, no inbox",
}
_ROWS: tuple[tuple[str, str, Better, str], ...] = (
    ("order tasks done per CPU-second", "1/s", "more", "rate"),
    ("order tasks done per second, many at once", "1/s", "more", "speed"),
    ("CPU of the engines a task", "ms", "less", "engines"),
    ("memory after it", "MiB", "less", "memory"),
)


def run(bench: Bench) -> Iterator[Figure]:
    """A batch on our side, one on each of Celery's, in turn."""
    require_celery()
    ours: Numbers = defaultdict(list)
    theirs: dict[str, Numbers] = {name: defaultdict(list) for name in _OTHERS}
    with (
        engines(bench) as real,
        real_platform(bench, real) as (running, submitter, _),
        _careful(bench, real, Care.ALL) as same,
        _careful(bench, real, Care.TOLD) as losing,
        _bare(bench, real) as bare,
    ):
        chains = {SAME: same, LOSING: losing, BARE: bare}
        for chain in chains.values():
            chain.batch(defaultdict(list))
        for number in range(bench.rounds):
            bench.say(f"celery-tasks: round {number + 1} of {bench.rounds}")
            with engines_taken(real, ours, BATCH):
                many(running, submitter, ours)
            for name, chain in chains.items():
                with engines_taken(real, theirs[name], BATCH):
                    chain.batch(theirs[name])
        ours["memory"].append(machine.tree_memory_mib(running.process.pid))
        for name, chain in chains.items():
            theirs[name]["memory"].append(chain.memory_mib())
    for against, numbers in theirs.items():
        for name, unit, better, key in _ROWS:
            how = _HOW + _OTHERS[against]
            figure = Figure(name, unit, better, tuple(ours[key]), tuple(numbers[key]), against, how=how)
            if key == "rate":
                figure = replace(figure, goal=GOAL, reached=(figure.ratio or 0) >= LEAST)
            yield figure


class Chain:
    """One of Celery's sides, running."""

    def __init__(
        self,
        pids: tuple[int, ...],
        submit: Callable[[str], tuple[list[str], float, float]],
        view: Server,
        results: Callable[[], int],
    ) -> None:
        """`pids` are its processes, each with those below it. `submit(orders)` takes orders (a JSON array): their ids,
        the CPU seconds of a process that did it and is gone, and for how many seconds that one was starting. `view`
        looks into its database, `results` counts the steps that are done."""
        self._pids = pids
        self._submit = submit
        self._view = view
        self._results = results

    def batch(self, numbers: Numbers) -> None:
        """One batch at once: its `rate` and `speed`."""
        orders = json.dumps(plain_orders(BATCH), default=str)
        before, cpu, began = self._results(), self._cpu(), time.perf_counter()
        ids, taken, starting = self._submit(orders)
        wait_for_tasks(self._view, ids)
        # Where a process submits, it starts before its first order: it is to count as one that runs already.
        numbers["speed"].append(BATCH / (time.perf_counter() - began - starting))
        steps = before + BATCH * len(CHAIN)
        wait_for(lambda: self._results() >= steps, "Celery's last result", 60, pause=0.05)
        numbers["rate"].append(BATCH / (self._cpu() - cpu + taken))

    def memory_mib(self) -> float:
        """Of its processes (PSS)."""
        return sum(map(machine.tree_memory_mib, self._pids))

    def _cpu(self) -> float:
        return sum(map(machine.tree_cpu_seconds, self._pids))


@contextmanager
def _bare(bench: Bench, real: Engines) -> Iterator[Chain]:
    with _side(bench, real, "celery-bare", {}) as (env, pid, view, results):

        def submit(orders: str) -> tuple[list[str], float, float]:
            told = ask(env, "orders", orders)
            return told["ids"], told["cpu"], told["starting"]

        yield Chain((pid,), submit, view, results)


@contextmanager
def _careful(bench: Bench, real: Engines, care: Care) -> Iterator[Chain]:
    brokers = real.environment() | {"BENCH_CARE": care.value}
    brokers["BIZOSAAS_FACTS_URL"] += f"/celery-{care}"  # topics of its own: our side must not read them
    brokers["BIZOSAAS_CACHE_URL"] = real.url("redis").removesuffix("/0") + "/1"  # and a database of its own
    with _side(bench, real, f"celery-{care}", brokers) as (env, pid, view, results):
        make_topology(env)
        token = f"Bearer {ask(env, 'token')}"
        with _door(env) as (door, port), closing(Caller(port)) as call:

            def submit(orders: str) -> tuple[list[str], float, float]:
                call.close()  # it may have been silent for longer than a connection is kept
                return [_submitted(call, token, order) for order in json.loads(orders)], 0.0, 0.0

            yield Chain((pid, door), submit, view, results)


def _submitted(call: Caller, token: str, order: object) -> str:
    body = json.dumps({"type": "order", "data": order}).encode()
    status, answer = call("POST", "/tasks", body, authorization=token, content_type="application/json")
    if status != 202:
        raise RuntimeError(f"a task was refused: {status} {answer[:300]!r}")
    return str(json.loads(answer)["id"])


@contextmanager
def _side(
    bench: Bench, real: Engines, room: str, brokers: Mapping[str, str]
) -> Iterator[tuple[dict[str, str], int, Server, Callable[[], int]]]:
    """A worker in a room of its own: its environment, its process, its database, and how many steps are done."""
    own = new_databases(real.url("postgres"))
    home = bench.folder / room / "home"
    env = environment(home, **{**brokers, **app_settings(real.url("rabbitmq"), PREFETCH, room), **own})
    migrate(env, "from scripts.demo_tenants import seed_settings; seed_settings()")
    log = bench.folder / f"{room}.txt"
    with worker(env, log) as pid, closing(Server(own)) as view, counter(own, RESULTS) as results:
        yield env, pid, view, results


@contextmanager
def _door(env: dict[str, str]) -> Iterator[tuple[int, int]]:
    """uvicorn that takes orders: its process and its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", _DOOR, "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=ROOT, env=env)

    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"uvicorn ended with {process.returncode}")
        with closing(Caller(port)) as call:
            try:
                return call("GET", "/")[0] == 404
            except ConnectionRefusedError:
                return False

    try:
        wait_for(answers, "uvicorn", 60, pause=0.1)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()
