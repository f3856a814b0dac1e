"""The embedded engine under the contract tests: a file of the test's own, and a clock that the test moves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Bus
from tests.shared.bus.world import World, topology


class MovableClock:
    """The real time when it was made, plus what a test advances it by. It stands still by itself."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A new bus file in `folder`."""
    clock = MovableClock()
    joined: list[Bus] = []
    address = str(folder / "bus.db")

    def join() -> Bus:
        joined.append(EmbeddedBus(Path(address), topology(), clock=clock))
        return joined[-1]

    yield World("embedded", address, clock.advance, clock, join, join())
    for bus in joined:
        bus.close()


def join(address: str) -> Bus:
    """Another process's user of that engine (`worker.py`)."""
    return EmbeddedBus(Path(address), topology(), busy_seconds=30)
