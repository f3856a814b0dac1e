"""What dead consumers held comes back at once to the one that follows them."""

from __future__ import annotations

import pytest

from shared.bus.port import Message
from tests.shared.bus.world import EMBEDDED, TTL

pytestmark = EMBEDDED  # a broker ends the leases of a broken connection by itself

QUEUE, TOPIC = "auto_orders", "domain.orders"


def test_leased_messages_are_ready_again_as_the_same_attempt(world, bus):
    """A consumer's death is not the message's fault: killed as often as one likes, it never runs out of attempts."""
    bus.send([(QUEUE, Message("a", b""))])
    for _ in range(20):
        (delivery,) = bus.lease(QUEUE, 1, 3000)
        assert delivery.attempt == 1
        assert bus.take_back() == 1
    assert bus.next_wakeup() == pytest.approx(world.now() + TTL)


def test_whoever_held_a_message_before_changes_nothing_any_more(world, bus):
    bus.send([(QUEUE, Message("a", b""))])
    (dead,) = bus.lease(QUEUE, 1, 3000)
    bus.take_back()
    assert bus.ack([dead]) == 0
    assert [one.message.id for one in world.join().lease(QUEUE, 1, 30)] == ["a"]


def test_partitions_are_free_again_from_the_last_commit(bus):
    bus.send([], [(TOPIC, Message("a", b"", key="k")), (TOPIC, Message("b", b"", key="k"))])
    first, _ = bus.read([TOPIC], "g", 10, 3000)
    bus.commit("g", [first])
    assert bus.read([TOPIC], "g", 10, 30) == []
    assert bus.take_back() == 1
    assert [one.message.id for one in bus.read([TOPIC], "g", 10, 30)] == ["b"]


def test_what_waits_for_its_next_attempt_goes_on_waiting(world, bus):
    """A pause was asked for by somebody who had looked: it is no lease."""
    bus.send([(QUEUE, Message("a", b""))], [(TOPIC, Message("b", b""))])
    (delivery,) = bus.lease(QUEUE, 1, 30)
    bus.retry(delivery, "busy", 12)
    bus.release("g", bus.read([TOPIC], "g", 1, 30), 12)
    assert bus.take_back() == 0
    assert bus.lease(QUEUE, 1, 30) == []
    assert bus.read([TOPIC], "g", 1, 30) == []
    world.advance(12)
    assert bus.lease(QUEUE, 1, 30)[0].attempt == 2
    assert len(bus.read([TOPIC], "g", 1, 30)) == 1
