"""A broker of the test's own that is killed with -9 in full flow and comes back: nothing is lost, all goes on alone."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.engines import fleet
from scripts.engines.table import ENGINES
from shared.bus.kafka import KafkaAddress, KafkaFacts, kafka_address
from shared.bus.kafka.topology import TopicSettings, apply
from shared.bus.port import Message
from shared.errors import TryAgain
from tests.engines import kafka_servers
from tests.shared.bus.kafka.conftest import Reader, eventually
from tests.shared.bus.world import topology

TOPIC = "domain.orders"
#: Facts that the publisher may be ahead of the readers: without it the backlog is as long as the publisher is quick.
AHEAD = 500


@pytest.fixture
def broker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Path]:
    """The folder of a Kafka that only this test uses."""
    caplog.set_level(logging.CRITICAL, "kafka")
    kafka_servers()  # where none is to be had, the line says so
    fleet.start("kafka", tmp_path)
    yield tmp_path
    fleet.stop("kafka", tmp_path)
    gc.collect()


@pytest.fixture
def address(broker: Path) -> KafkaAddress:
    made = kafka_address(f"kafka://{ENGINES['kafka'].url(fleet.find('kafka', broker))}")
    apply(made, topology(), TopicSettings(replication=1, in_sync=1))
    return made


class Outbox:
    """Sends as the house does: what was not confirmed is sent again, in order, until it is. Goes on as soon as
    `handled` is no more than `AHEAD` behind."""

    def __init__(self, bus: KafkaFacts, handled: Callable[[], int]) -> None:
        self.confirmed: list[str] = []
        self.refused = 0
        self._bus = bus
        self._handled = handled
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        number = 0
        while not self._stop.is_set():
            if len(self.confirmed) - self._handled() > AHEAD:
                self._stop.wait(0.01)
                continue
            batch = [(TOPIC, Message(f"{number}-{n}", b"x" * 500, key=f"t/{n}")) for n in range(10)]
            try:
                self._bus.send([], batch)
            except TryAgain:
                self.refused += 1
                self._stop.wait(0.05)
                continue
            self.confirmed += [message.id for _, message in batch]
            number += 1

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.timeout(240)
def test_a_broker_killed_in_full_flow_loses_nothing_and_stops_nobody(
    broker: Path, bus: KafkaFacts, readers: Callable[[str, float], Reader]
) -> None:
    both = [readers("g", 0.01), readers("g", 0.01)]
    outbox = Outbox(bus, handled=lambda: sum(len(one.ids("done")) for one in both))
    try:
        eventually(lambda: all(len(one.ids("done")) > 50 for one in both), "both readers to be at work")
        fleet.kill("kafka", broker)
        eventually(lambda: outbox.refused, "the publisher to be told that nobody confirms")
        before = len(outbox.confirmed)
        fleet.start("kafka", broker)
        eventually(lambda: len(outbox.confirmed) > before + 200, "the publisher to go on")
    finally:
        outbox.stop()
    eventually(lambda: bus.lag("g") == {TOPIC: 0}, "all to be handled")
    done = [one.ids("done") for one in both]
    assert set(outbox.confirmed) <= set(done[0]) | set(done[1])
    for one in both:
        one.leave()
