"""Looks at a trial from outside while it lasts: how much is done, and how much memory the platform holds."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import psutil  # type: ignore[import-untyped]  # it has no types
from sqlalchemy.exc import SQLAlchemyError

from scripts.trial.scene import Scene
from shared.coordination.tasks import ENDED

LOOK_SECONDS = 2.0
WEIGH_SECONDS = 10.0


@dataclass(frozen=True)
class Weight:
    """The memory of a platform's parts at a moment (seconds from the beginning), in bytes, each shared page counted
    by its part; `age` is how long its host has lived by then."""

    at: float
    age: float
    parts: Mapping[str, int]


@dataclass(frozen=True)
class Trend:
    """A part's memory: the medians of the first and the last quarter, and the most, in bytes."""

    first: float
    last: float
    most: float


class Watch:
    """Between `start` and `stop`. `statuses` are the tasks by their status when it could look last."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._began = time.monotonic()
        self.statuses: Counter[str] = Counter()
        self.weights: list[Weight] = []

    def start(self) -> Watch:
        """Begin."""
        self._began = time.monotonic()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    @property
    def done(self) -> int:
        """The tasks that have ended."""
        return sum(number for status, number in self.statuses.items() if status in ENDED)

    @property
    def waiting(self) -> int:
        """The tasks that wait for a human."""
        return self.statuses["awaiting_approval"]

    @property
    def under_way(self) -> int:
        """The tasks that roles have."""
        return self.statuses.total() - self.done - self.waiting

    def trends(self) -> dict[str, Trend]:
        """How the memory went, by part; nothing of a trial that was too short."""
        names = {name for weight in self.weights for name in weight.parts}
        series = {name: [float(weight.parts.get(name, 0)) for weight in self.weights] for name in sorted(names)}
        return {name: trend(values) for name, values in series.items() if len(values) >= 4}

    def _run(self) -> None:
        weigh_at = time.monotonic()
        while not self._over.wait(LOOK_SECONDS):
            self._scene.supervise()
            with contextlib.suppress(SQLAlchemyError):  # the database is being hurt: the last look stands
                self.statuses = Counter(dict(self._count()))
            if time.monotonic() >= weigh_at:
                weigh_at = time.monotonic() + WEIGH_SECONDS
                self._weigh()

    def _count(self) -> list[tuple[str, int]]:
        rows = self._scene.platform.rows("orchestration", "SELECT status, count(*) FROM tasks GROUP BY status")
        return [(str(status), int(number)) for status, number in rows]

    def _weigh(self) -> None:
        host = self._scene.platform.process
        parts: Counter[str] = Counter()
        age = 0.0
        for process in self._scene.platform.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                held = process.memory_full_info()
                name = "host" if host is not None and process.pid == host.pid else _part(process)
                age = time.time() - process.create_time() if name == "host" else age
                parts[name] += getattr(held, "pss", held.rss)
        if parts["host"]:
            self.weights.append(Weight(round(time.monotonic() - self._began, 1), round(age, 1), dict(parts)))


def trend(values: Sequence[float]) -> Trend:
    """Of at least four values."""
    quarter = len(values) // 4
    return Trend(median(values[:quarter]), median(values[-quarter:]), max(values))


def _part(process: psutil.Process) -> str:
    command = process.cmdline()
    if "host.bridging" in command:
        return "bridges"
    if "host.zygote" in command:
        return "zygotes" if process.name() in ("python", "python3") else "functions"
    return "others"
