"""A Celery worker for a benchmark, and speaking to it: all in processes of their own. Celery is needed to measure
against, and by nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scripts.benchmarks.measure import Skipped
from scripts.benchmarks.platform import ROOT
from scripts.benchmarks.waiting import wait_for

PROCESSES = len(os.sched_getaffinity(0))
ROOM = "celery-bench"
#: How many tasks are done, with their results kept.
RESULTS = "SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'"
_APP = "scripts.benchmarks.celery_app"


def require_celery() -> None:
    """Raises `Skipped` with the cure where Celery is not installed."""
    if find_spec("celery") is None:
        raise Skipped("Celery is not installed: scripts/bench installs it with all else")


def app_settings(broker: str, prefetch: int, room: str = ROOM) -> dict[str, str]:
    """What the app reads from its environment, beside the settings of the platform's databases."""
    return {"BENCH_BROKER": broker, "BENCH_PREFETCH": str(prefetch), "BENCH_ROOM": room}


@contextmanager
def worker(environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """A worker of the environment's room with a process for each core, that has answered: its process id."""
    name = _worker(environment["BENCH_ROOM"])
    command = [sys.executable, "-m", "celery", "-A", _APP, "worker", "--loglevel", "WARNING", "--pool", "prefork"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--concurrency", str(PROCESSES), "--hostname", name],
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=output,
        )
    try:

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"Celery's worker ended: {log.read_text()[-1000:]}")
            return bool(_control(environment["BENCH_BROKER"]).ping([name], timeout=2))

        wait_for(answers, "Celery's worker", 90, pause=0.2)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def steer(broker: str, *, on: bool) -> None:
    """Let the worker of the usual room take tasks from its queue, or none."""
    control = _control(broker)
    act = control.add_consumer if on else control.cancel_consumer
    if not act(ROOM, reply=True, destination=[_worker(ROOM)], timeout=10):
        raise RuntimeError("Celery's worker does not answer")


def _worker(room: str) -> str:
    return f"worker@{room}"


def _control(broker: str) -> Any:
    from celery import Celery

    return Celery(broker=broker).control


def ask(environment: Mapping[str, str], *words: str) -> Any:
    """What the app says to a command, read as JSON. Raises `RuntimeError`."""
    command = [sys.executable, "-m", _APP, *words]
    done = subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Celery, {' '.join(words)}: {done.stderr[-1000:]}")
    return json.loads(done.stdout)
