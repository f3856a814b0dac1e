"""Order tasks from submit to done, four roles each by their playbooks: CPU of the whole platform, memory, and time;
on the embedded engines and on real ones."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scripts.benchmarks import machine
from scripts.benchmarks.measure import Bench, Better, Figure, percentile
from scripts.benchmarks.platform import ROOT, Platform, environment, platform
from scripts.benchmarks.real import Engines, engines, make_topology, new_databases
from scripts.benchmarks.view import Files, Server, View
from scripts.benchmarks.waiting import wait_for
from scripts.benchmarks.work import plain_orders

BATCH = 40
DONE = ("completed", "awaiting_approval")
ONE_AT_A_TIME = 25
AGAINST = "same functions and commits in one process"
Numbers = dict[str, list[float]]


class Submitter:
    """Submits tasks over HTTP and sees in the databases, past the platform, what became of them."""

    def __init__(self, ours: Platform, view: View) -> None:
        """Sign in."""
        self._ours = ours
        self._view = view
        self.sign_in()

    def sign_in(self) -> None:
        """Anew, on a new connection: a baseline may have taken longer than the host keeps one or a token is good."""
        self._ours.call.close()
        self._token = self._ours.sign_in()

    def submit(self, order: dict[str, Any]) -> str:
        """The id of the accepted task."""
        body = json.dumps({"type": "order", "data": order}, default=str).encode()
        status, answer = self._ours.call(
            "POST", "/tasks", body, authorization=f"Bearer {self._token}", content_type="application/json"
        )
        if status != 202:
            raise RuntimeError(f"a task was refused: {status} {answer[:300]!r}")
        return str(json.loads(answer)["id"])

    def wait(self, ids: Sequence[str]) -> None:
        """Until the platform has done its part; see `wait_for_tasks`."""
        wait_for_tasks(self._view, ids)

    def settle(self) -> None:
        """Until every fact is recorded too."""
        wait_for(self._view.settled, "the record", 300, pause=0.1)


def wait_for_tasks(view: View, ids: Sequence[str]) -> None:
    """Until tasks are completed, or wait for a human, as one of many customers who come again may. Raises
    `RuntimeError` when one failed."""

    def ended() -> bool:
        found = view.statuses(ids)
        if found.keys() & {"failed", "rejected", "cancelled"}:
            raise RuntimeError(f"ordinary orders failed: {found}")
        return sum(found.get(status, 0) for status in DONE) == len(ids)

    wait_for(ended, f"{len(ids)} tasks to be done", 300, view.PAUSE if len(ids) == 1 else 20 * view.PAUSE)


def run(bench: Bench) -> Iterator[Figure]:
    """On the embedded engines: rounds of many at once, then of one at a time; each with the baseline's after it."""
    agents = find_spec("crewai") is not None
    ours: Numbers = defaultdict(list)
    theirs: Numbers = defaultdict(list)
    with platform(bench.folder / "ours", "600s", agents=agents) as running, closing(Files(running.home)) as view:
        submitter = Submitter(running, view)
        _warm_up(submitter)
        for number in range(bench.rounds):
            bench.say(f"tasks: round {number + 1} of {bench.rounds}")
            many(running, submitter, ours)
            _keep(ours, [_one(submitter, order) for order in plain_orders(ONE_AT_A_TIME)])
            _alone(bench.folder / f"alone-{number}", theirs, {})
        ours["memory"].append(machine.tree_memory_mib(running.process.pid))
    yield from _figures(_ROWS, ours, theirs, "embedded")


def run_real(bench: Bench) -> Iterator[Figure]:
    """The same on real engines; the baseline's process works on the same PostgreSQL, in databases of its own."""
    ours: Numbers = defaultdict(list)
    theirs: Numbers = defaultdict(list)
    with engines(bench) as real, real_platform(bench, real) as (running, submitter, _):
        for number in range(bench.rounds):
            bench.say(f"tasks on real engines: round {number + 1} of {bench.rounds}")
            with engines_taken(real, ours, BATCH):
                many(running, submitter, ours)
            _keep(ours, [_one(submitter, order) for order in plain_orders(ONE_AT_A_TIME)])
            settings = new_databases(real.url("postgres"))
            with engines_taken(real, theirs, BATCH):
                _alone(bench.folder / f"alone-{number}", theirs, settings)
        ours["memory"].append(machine.tree_memory_mib(running.process.pid))
        ours["memory of engines"].append(real.memory_mib())
    yield from _figures(_ROWS, ours, theirs, "real")
    only = {key: theirs[key] for key in ("engines", "postgres")}
    yield from _figures(_ENGINE_ROWS, ours, defaultdict(list, only), "real")


@contextmanager
def engines_taken(real: Engines, where: Numbers, count: int) -> Iterator[None]:
    """Note the CPU of each engine while the block lasts, in milliseconds a task."""
    before = real.usage()
    yield
    taken = real.usage() - before
    where["engines"].append(taken.total * 1000 / count)
    for name, seconds in taken.cpu.items():
        where[name].append(seconds * 1000 / count)


@contextmanager
def real_platform(bench: Bench, real: Engines) -> Iterator[tuple[Platform, Submitter, View]]:
    """A platform on real engines that has done some tasks already."""
    settings = real.environment()
    make_topology(environment(bench.folder / "home", **settings))
    agents = find_spec("crewai") is not None
    bench.say("starting the platform")
    with (
        platform(bench.folder / "ours", "600s", agents=agents, **settings) as running,
        closing(Server(settings)) as view,
    ):
        submitter = Submitter(running, view)
        _warm_up(submitter)
        yield running, submitter, view


def _warm_up(submitter: Submitter) -> None:
    submitter.wait([submitter.submit(order) for order in plain_orders(8)])
    submitter.settle()


def many(running: Platform, submitter: Submitter, ours: Numbers) -> None:
    """One batch at once: its `rate` (tasks per CPU-second, until every fact is recorded) and `speed`."""
    orders = plain_orders(BATCH)
    submitter.sign_in()
    cpu, began = running.cpu(), time.perf_counter()
    ids = [submitter.submit(order) for order in orders]
    submitter.wait(ids)
    ours["speed"].append(BATCH / (time.perf_counter() - began))
    submitter.settle()
    ours["rate"].append(BATCH / (running.cpu() - cpu))


def _one(submitter: Submitter, order: dict[str, Any]) -> float:
    began = time.perf_counter()
    submitter.wait([submitter.submit(order)])
    return time.perf_counter() - began


def _keep(where: Numbers, seconds: list[float]) -> None:
    where["median"].append(percentile(seconds, 0.5) * 1000)
    where["p99"].append(percentile(seconds, 0.99) * 1000)


def _alone(folder: Path, theirs: Numbers, settings: Mapping[str, str]) -> None:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmarks.in_process", str(BATCH)],
        cwd=ROOT,
        env=environment(folder / "home", **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the baseline failed: {done.stderr[-500:]}")
    said = json.loads(done.stdout)
    theirs["rate"].append(BATCH / said["cpu"])
    theirs["speed"].append(BATCH / sum(said["seconds"]))
    theirs["memory"].append(said["memory_mib"])
    _keep(theirs, said["seconds"])


#: (name, unit, which way is good, the key of the numbers, how)
_AT_ONCE = f"{BATCH} orders at once a round, until every fact is recorded; CPU of host, zygotes, functions and cache"
_SINGLE = f"{ONE_AT_A_TIME} orders a round, each submitted when the last was done"
_ROWS: tuple[tuple[str, str, Better, str, str], ...] = (
    ("tasks done per CPU-second", "1/s", "more", "rate", _AT_ONCE),
    ("tasks done per second, many at once", "1/s", "more", "speed", _AT_ONCE),
    ("one task at a time, submit to done, p50", "ms", "less", "median", _SINGLE),
    ("one task at a time, submit to done, p99", "ms", "less", "p99", _SINGLE),
    ("memory after it, functions awake", "MiB", "less", "memory", "PSS of all our processes; of the one process"),
)
_ENGINE_ROWS: tuple[tuple[str, str, Better, str, str], ...] = (
    ("CPU of the engines a task", "ms", "less", "engines", "all five of ours; the baseline uses PostgreSQL alone"),
    *((f"CPU of {name} a task", "ms", "less", name, "") for name in ("postgres", "rabbitmq", "kafka")),
    ("memory of the engines", "MiB", "less", "memory of engines", "PSS of all five at the end"),
)


def _figures(
    rows: Sequence[tuple[str, str, Better, str, str]], ours: Numbers, theirs: Numbers, engine: str
) -> Iterator[Figure]:
    for name, unit, better, key, how in rows:
        baseline = tuple(theirs[key])
        yield Figure(
            f"{name}, {engine}", unit, better, tuple(ours[key]), baseline, AGAINST if baseline else "", how=how
        )
