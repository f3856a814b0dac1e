"""Whole order tasks on real engines, ours beside a chain of four Celery tasks that call the same role code.

Both keep the same tasks with the same results in the same PostgreSQL and carry the work over the same RabbitMQ. Ours
takes each order over HTTP with a token, and also writes inbox, outbox and the chained record, and says every fact on
Kafka. Celery's side is called in process, keeps the tasks and its own results (acks_late), and nothing else.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from scripts.benchmarks import machine
from scripts.benchmarks.celery_side import PROCESSES, app_settings, ask, require_celery, worker
from scripts.benchmarks.measure import Bench, Better, Figure
from scripts.benchmarks.messages import GOAL, LEAST, PREFETCH
from scripts.benchmarks.platform import environment
from scripts.benchmarks.real import Engines, engines, migrate, new_databases
from scripts.benchmarks.tasks import BATCH, Numbers, engines_taken, many, real_platform, wait_for_tasks
from scripts.benchmarks.view import Server
from scripts.benchmarks.work import plain_orders

AGAINST = "Celery, a chain of four"
_HOW = (
    f"{BATCH} orders at once a round. CPU of all processes of a side without the engines. Ours: host, bridge, zygotes, "
    "functions, cache; HTTP, tokens, inbox, outbox, facts on Kafka, the record. Celery: the process that submits, main "
    f"and {PROCESSES} worker processes; the same rows of tasks, results of Celery's own, no facts, no record, no inbox"
)
_ROWS: tuple[tuple[str, str, Better, str], ...] = (
    ("order tasks done per CPU-second", "1/s", "more", "rate"),
    ("order tasks done per second, many at once", "1/s", "more", "speed"),
    ("CPU of the engines a task", "ms", "less", "engines"),
    ("memory after it", "MiB", "less", "memory"),
)


def run(bench: Bench) -> Iterator[Figure]:
    """A batch on our side, a batch on Celery's, in turn."""
    require_celery()
    ours: Numbers = defaultdict(list)
    theirs: Numbers = defaultdict(list)
    with (
        engines(bench) as real,
        real_platform(bench, real) as (running, submitter, _),
        _chain(bench, real) as celery,
    ):
        celery.batch(defaultdict(list))
        for number in range(bench.rounds):
            bench.say(f"celery-tasks: round {number + 1} of {bench.rounds}")
            with engines_taken(real, ours, BATCH):
                many(running, submitter, ours)
            with engines_taken(real, theirs, BATCH):
                celery.batch(theirs)
        ours["memory"].append(machine.tree_memory_mib(running.process.pid))
        theirs["memory"].append(machine.tree_memory_mib(celery.pid))
    for name, unit, better, key in _ROWS:
        figure = Figure(name, unit, better, tuple(ours[key]), tuple(theirs[key]), AGAINST, how=_HOW)
        if key == "rate":
            figure = replace(figure, goal=GOAL, reached=(figure.ratio or 0) >= LEAST)
        yield figure


class Chain:
    """Celery's side, running."""

    def __init__(self, env: dict[str, str], pid: int, view: Server) -> None:
        """`env` is the app's, `pid` the worker's, `view` looks into its database."""
        self.pid = pid
        self._env = env
        self._view = view

    def batch(self, numbers: Numbers) -> None:
        """One batch at once: its `rate` and `speed`."""
        orders = json.dumps(plain_orders(BATCH), default=str)
        cpu, began = machine.tree_cpu_seconds(self.pid), time.perf_counter()
        told = ask(self._env, "orders", orders)
        wait_for_tasks(self._view, told["ids"])
        # The process that submits starts before its first order: it is to count as one that runs already.
        numbers["speed"].append(BATCH / (time.perf_counter() - began - told["starting"]))
        time.sleep(0.3)  # the last result is kept, and acknowledged
        numbers["rate"].append(BATCH / (machine.tree_cpu_seconds(self.pid) - cpu + told["cpu"]))


@contextmanager
def _chain(bench: Bench, real: Engines) -> Iterator[Chain]:
    own = new_databases(real.url("postgres"))
    env = environment(bench.folder / "celery" / "home", **app_settings(real.url("rabbitmq"), PREFETCH), **own)
    migrate(env, "from scripts.demo_tenants import seed_settings; seed_settings()")
    with worker(env, bench.folder / "celery.txt") as pid, closing(Server(own)) as view:
        yield Chain(env, pid, view)
