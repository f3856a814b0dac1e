"""A broker that dies and comes back has everything that it confirmed, and its consumers find it again."""

from __future__ import annotations

import time

from scripts.engines import fleet, rabbitmq
from shared.bus.port import Message
from shared.bus.rabbitmq import RabbitBus
from shared.bus.rabbitmq.address import parse_address
from shared.bus.rabbitmq.broker import Broker
from shared.bus.rabbitmq.layout import QueueOptions
from shared.bus.rabbitmq.session import Session
from shared.errors import TryAgain
from tests.engines import rabbitmq_url
from tests.shared.bus.world import topology

COUNT = 200


def test_everything_that_was_confirmed_survives_a_kill_of_the_broker(tmp_path_factory):
    """A broker of the test's own: others use the shared one."""
    rabbitmq_url()  # skips, or fails in CI, where there is none
    folder = tmp_path_factory.mktemp("broker")
    instance = fleet.start("rabbitmq", folder)
    try:
        url = rabbitmq.url(instance)
        session = Session(parse_address(url), "test")
        Broker(session, topology(), QueueOptions()).apply()
        session.close()
        sender, consumer = RabbitBus(url, topology()), RabbitBus(url, topology())
        sender.send([("auto_seo", Message(str(number), b"{}")) for number in range(COUNT)])
        handled: set[str] = set()
        _handle(consumer, handled, COUNT // 4)
        fleet.kill("rabbitmq", folder)
        fleet.start("rabbitmq", folder)
        _handle(consumer, handled, COUNT)
        assert handled == {str(number) for number in range(COUNT)}
        sender.send([("auto_seo", Message("after", b"{}"))])
        _handle(consumer, handled, COUNT + 1)
        assert "after" in handled
        sender.close()
        consumer.close()
    finally:
        fleet.stop("rabbitmq", folder, wipe=True)


def _handle(bus: RabbitBus, handled: set[str], count: int) -> None:
    """Lease and acknowledge until `count` different ones were handled; what was acknowledged just before the kill comes
    again."""
    deadline = time.monotonic() + 60
    while len(handled) < count:
        assert time.monotonic() < deadline
        try:
            deliveries = bus.lease("auto_seo", 10, 60)
        except TryAgain:
            time.sleep(0.05)
            continue
        handled |= {delivery.message.id for delivery in deliveries}
        bus.ack(deliveries)
