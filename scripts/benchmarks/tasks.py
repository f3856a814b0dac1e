"""Order tasks from submit to done, four roles each by their playbooks: CPU of the whole platform, and time."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from events.topology import TOPOLOGY
from scripts.benchmarks.measure import Bench, Figure, percentile
from scripts.benchmarks.platform import ROOT, Platform, environment, platform
from scripts.benchmarks.waiting import wait_for
from scripts.benchmarks.work import plain_orders
from shared.bus import open_bus

BATCH = 40
DONE = ("completed", "awaiting_approval")
ONE_AT_A_TIME = 25
GROUPS = ("audit-record", "tasks-react", "agent-hitl-coordinator")
AGAINST = "same functions and commits in one process"


class Submitter:
    """Submits tasks over HTTP and sees in the database, past the platform, what became of them."""

    def __init__(self, ours: Platform) -> None:
        """Sign in."""
        self._ours = ours
        self._token = ours.sign_in()
        self._database = sqlite3.connect(f"file:{ours.home}/orchestration.db?mode=ro", uri=True)

    def submit(self, order: dict[str, Any]) -> str:
        """The id of the accepted task."""
        body = json.dumps({"type": "order", "data": order}, default=str).encode()
        status, answer = self._ours.call(
            "POST", "/tasks", body, authorization=f"Bearer {self._token}", content_type="application/json"
        )
        if status != 202:
            raise RuntimeError(f"a task was refused: {status} {answer[:300]!r}")
        return str(json.loads(answer)["id"])

    def wait(self, ids: list[str], pause: float) -> None:
        """Until the platform has done its part: completed, or waiting for a human, as one of many customers who come
        again may be. Raises `RuntimeError` when one failed."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT status, count(*) FROM tasks WHERE id IN ({marks}) GROUP BY status"

        def ended() -> bool:
            found = dict(self._database.execute(query, ids).fetchall())
            if found.keys() & {"failed", "rejected", "cancelled"}:
                raise RuntimeError(f"ordinary orders failed: {found}")
            return sum(int(found.get(status, 0)) for status in DONE) == len(ids)

        wait_for(ended, f"{len(ids)} tasks to be done", 120, pause)

    def settle(self) -> None:
        """Until every fact is recorded too."""
        with closing(open_bus(f"sqlite:///{self._ours.home}/bus.db", TOPOLOGY)) as bus:
            wait_for(
                lambda: not any(lag for group in GROUPS for lag in bus.lag(group).values()), "the record", pause=0.1
            )

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def run(bench: Bench) -> Iterator[Figure]:
    """Rounds of many at once, then of one at a time; each with the baseline's round after it."""
    ours: dict[str, list[float]] = {"rate": [], "speed": [], "median": [], "p99": []}
    theirs: dict[str, list[float]] = {"rate": [], "speed": [], "median": [], "p99": []}
    crewai = find_spec("crewai") is not None
    with platform(bench.folder / "ours", "600s", agents=crewai) as running, closing(Submitter(running)) as submitter:
        submitter.wait([submitter.submit(order) for order in plain_orders(8)], 0.01)
        submitter.settle()
        for number in range(bench.rounds):
            bench.say(f"tasks: round {number + 1} of {bench.rounds}")
            _many(running, submitter, ours)
            _keep(ours, [_one(submitter, order) for order in plain_orders(ONE_AT_A_TIME)])
            _alone(bench.folder / f"alone-{number}", theirs)
    how = f"{BATCH} orders at once a round, until every fact is recorded; CPU of host, zygotes, functions and cache"
    yield _figure("tasks done per CPU-second", "1/s", "rate", ours, theirs, how)
    yield _figure("tasks done per second, many at once", "1/s", "speed", ours, theirs, how)
    how = f"{ONE_AT_A_TIME} orders a round, each submitted when the last was done"
    yield _figure("one task at a time, submit to done, p50", "ms", "median", ours, theirs, how)
    yield _figure("one task at a time, submit to done, p99", "ms", "p99", ours, theirs, how)


def _figure(
    name: str, unit: str, key: str, ours: dict[str, list[float]], theirs: dict[str, list[float]], how: str
) -> Figure:
    better = "less" if unit == "ms" else "more"
    return Figure(name, unit, better, tuple(ours[key]), tuple(theirs[key]), AGAINST, how=how)  # type: ignore[arg-type]  # one of the two


def _many(running: Platform, submitter: Submitter, ours: dict[str, list[float]]) -> None:
    orders = plain_orders(BATCH)
    cpu, began = running.cpu(), time.perf_counter()
    ids = [submitter.submit(order) for order in orders]
    submitter.wait(ids, 0.01)
    ours["speed"].append(BATCH / (time.perf_counter() - began))
    submitter.settle()
    ours["rate"].append(BATCH / (running.cpu() - cpu))


def _one(submitter: Submitter, order: dict[str, Any]) -> float:
    began = time.perf_counter()
    submitter.wait([submitter.submit(order)], 0.0005)
    return time.perf_counter() - began


def _keep(where: dict[str, list[float]], seconds: list[float]) -> None:
    where["median"].append(percentile(seconds, 0.5) * 1000)
    where["p99"].append(percentile(seconds, 0.99) * 1000)


def _alone(folder: Path, theirs: dict[str, list[float]]) -> None:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmarks.in_process", str(BATCH)],
        cwd=ROOT,
        env=environment(folder / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the baseline failed: {done.stderr[-500:]}")
    said = json.loads(done.stdout)
    theirs["rate"].append(BATCH / said["cpu"])
    theirs["speed"].append(BATCH / sum(said["seconds"]))
    _keep(theirs, said["seconds"])
