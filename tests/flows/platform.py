"""The platform of the flows: `scripts.trial`'s, with what a test wants to see and to meddle with.

Looking into files is for the embedded engines, which a platform without settings brings along.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]  # it has no types

from events.topology import QUEUES
from scripts.trial import platform as trial
from scripts.trial.platform import ADMIN, PASSWORD, ROOT
from scripts.trial.quiet import GROUPS
from scripts.trial.waiting import WAIT_SECONDS, free_port, wait_for

__all__ = ["ADMIN", "PASSWORD", "ROOT", "Platform", "at_once", "free_port", "wait_for"]

T = TypeVar("T")


def at_once(times: int, do: Callable[[int], T]) -> list[T]:
    """Do something so many times at the same moment, each with its number; the results in order."""
    start = threading.Barrier(times)

    def one(number: int) -> T:
        start.wait()
        return do(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


class Platform(trial.Platform):
    """One platform in one home."""

    def start(self, *arguments: str, seconds: float = WAIT_SECONDS) -> Platform:
        """Start and wait until it answers."""
        super().start(*arguments, seconds=seconds)
        return self

    def task(self, task_id: str, *statuses: str) -> Any:
        """A task, when it has one of the statuses."""

        def ask() -> Any:
            task = self.get(f"/tasks/{task_id}")
            return task if not statuses or task["status"] in statuses else None

        return wait_for(ask, f"the task {task_id} to be {' or '.join(statuses)}")

    def request_of(self, task_id: str) -> Any:
        """The request that waits for a human about a task."""

        def ask() -> Any:
            items = self.get("/hitl/pending?limit=200")["items"]
            return next((item for item in items if item["task_id"] == task_id), None)

        return wait_for(ask, f"a request about {task_id}")

    def execute(self, database: str, statement: str, *values: Any) -> None:
        """Change a database past the platform, which does not run meanwhile: a clock that nobody can move is moved."""
        assert self.process is not None
        assert self.process.poll() is not None
        connection = sqlite3.connect(self.home / f"{database}.db", timeout=10)
        try:
            with connection:
                connection.execute(statement, values)
        finally:
            connection.close()

    @contextmanager
    def locked(self, database: str) -> Iterator[None]:
        """Hold a database's write lock: who wants to write waits."""
        connection = sqlite3.connect(self.home / f"{database}.db", timeout=10, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()

    def pid_of(self, function: str) -> int:
        """The process of a function that is awake now, 0 when it sleeps."""
        line = self.has_line("woke", function=function)
        return line["pid"] if line and psutil.pid_exists(line["pid"]) else 0

    def quiet(self) -> None:
        """Wait until nothing is on its way: no work, no fact that a function has yet to read, nothing unsent."""

        def still() -> bool:
            unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
            if any(self.rows(name, unsent)[0][0] for name in ("orchestration", "identity", "audit")):
                return False
            with self.bus() as bus:
                depths = [bus.depth(queue) for queue in QUEUES]
                lags = [lag for group in GROUPS for lag in bus.lag(group).values()]
            return not any(lags) and all(one.ready + one.leased + one.delayed == 0 for one in depths)

        wait_for(still, "everything to be done", 90)
