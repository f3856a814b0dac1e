"""Chores are done when they are due, and say when that is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.topology import TopicSpec, Topology
from host.bridge import LONGEST_SLEEP, Bridge
from host.chores import SHOW_SECONDS, Show
from shared.bus.doorbell import Doorbell
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Message, Record

TOPOLOGY = Topology({}, {"t": TopicSpec("t", 2)})


class Clock:
    """`time`, as far as chores look at it, at the moment that a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("host.chores.time", made)
    return made


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[EmbeddedBus]:
    made = EmbeddedBus(tmp_path / "bus.db", TOPOLOGY)
    yield made
    made.close()


def _say(bus: EmbeddedBus, *bodies: bytes) -> None:
    bus.send([], [("t", Message(body.decode(), body)) for body in bodies])


def test_facts_are_shown_together_after_a_short_time(bus: EmbeddedBus, clock: Clock) -> None:
    shown: list[bytes] = []
    show = Show(bus, ["t"], lambda record: shown.append(record.message.body))
    assert (show(), shown) == (math.inf, [])
    _say(bus, b"1", b"2")
    clock.now += SHOW_SECONDS / 4
    assert show() == pytest.approx(SHOW_SECONDS * 3 / 4)
    assert shown == []
    clock.now += SHOW_SECONDS
    assert show() == SHOW_SECONDS, "there may be more than one look takes"
    assert sorted(shown) == [b"1", b"2"]


def test_a_fact_that_came_too_early_to_be_shown_is_shown_without_another(tmp_path: Path, bus: EmbeddedBus) -> None:
    """The bell rang before its time: nobody rings again, and the bridge must not sleep for its longest sleep."""
    looks: list[float] = []
    shown: list[Record] = []
    show = Show(bus, ["t"], shown.append)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def look() -> float:
            looks.append(loop.time())
            return show()

        own = EmbeddedBus(tmp_path / "bus.db", TOPOLOGY)
        bridge = Bridge(own, [Doorbell(tmp_path / "bus.db")], [], _nobody, lambda: "token", look, {})
        bridge.start()
        try:
            await _until(lambda: bool(looks))
            _say(bus, b"1")
            told = loop.time()
            await _until(lambda: bool(shown))
            assert loop.time() - told < LONGEST_SLEEP / 2
        finally:
            await bridge.stop(1)

    asyncio.run(main())


async def _nobody(*_: object) -> None:
    raise AssertionError("there is nobody to call")


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)  # a poll between two looks at a condition
