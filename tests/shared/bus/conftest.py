"""One world per engine: the contract tests run in each of them.

To add an engine: its name in `ENGINES`, and how to make a `World` of it below and to open it in `worker.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from events.topology import TOPOLOGY
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Bus

ENGINES = ["embedded"]
ROOT = Path(__file__).parents[3]


class MovableClock:
    """The real time when it was made, plus what a test advances it by. It stands still by itself."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """An engine under test. `bus` is one user of it; `join()` another, as a second process would be."""

    engine: str
    address: str
    advance: Callable[[float], None]
    now: Callable[[], float]
    join: Callable[[], Bus]
    bus: Bus
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, command: str, *arguments: str) -> Worker:
        """Start `worker.py` on this engine in a process of its own."""
        worker = Worker([sys.executable, str(Path(__file__).with_name("worker.py")), self.engine, self.address,
                         command, *arguments])  # fmt: skip
        self.workers.append(worker.process)
        return worker


class Worker:
    """A running `worker.py`: it answers by lines, and goes on when told."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": "."},
        )

    def line(self) -> str:
        """The next line it prints, waiting for it."""
        return _open(self.process.stdout).readline().strip()

    def go(self) -> None:
        """Tell it to go on."""
        pipe = _open(self.process.stdin)
        pipe.write("\n")
        pipe.flush()

    def rest(self) -> list[str]:
        """Everything else it prints, when it has ended well."""
        output = _open(self.process.stdout).read()
        assert self.process.wait() == 0
        return output.split()

    def kill(self) -> list[str]:
        """kill -9 it; what it had printed until then."""
        self.process.kill()
        output = _open(self.process.stdout).read()
        self.process.wait()
        return output.split()


def _open(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    clock = MovableClock()
    joined: list[Bus] = []

    def join() -> Bus:
        joined.append(EmbeddedBus(tmp_path / "bus.db", TOPOLOGY, clock=clock))
        return joined[-1]

    def advance(seconds: float) -> None:
        clock.now += seconds

    world = World(request.param, str(tmp_path / "bus.db"), advance, clock, join, join())
    yield world
    for process in world.workers:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            _open(pipe).close()
    for bus in joined:
        bus.close()


@pytest.fixture
def bus(world: World) -> Bus:
    return world.bus
