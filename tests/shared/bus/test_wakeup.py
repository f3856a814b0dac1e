"""The next wake-up is the moment when something becomes ready by itself."""

from __future__ import annotations

import pytest

from shared.bus.port import Message
from tests.shared.bus.world import EMBEDDED, TTL, WORK

pytestmark = WORK

QUEUE = "auto_orders"


def test_an_empty_bus_never_wakes(bus):
    assert bus.next_wakeup() is None


@EMBEDDED
def test_a_waiting_message_wakes_when_it_expires(world, bus):
    bus.send([(QUEUE, Message("a", b""))])
    assert bus.next_wakeup() == pytest.approx(world.now() + TTL)


def test_a_lease_wakes_when_it_ends(world, bus):
    bus.send([(QUEUE, Message("a", b""))])
    world.leased(bus, QUEUE, 1, 30)
    assert bus.next_wakeup() == pytest.approx(world.now() + world.seconds(30), abs=0.5)


@EMBEDDED  # elsewhere what a delay ends is an arrival, which rings
def test_the_earliest_of_all_counts(world, bus):
    bus.send([(QUEUE, Message("a", b"")), (QUEUE, Message("b", b""))])
    first, _second = bus.lease(QUEUE, 2, 30)
    bus.retry(first, "busy", 12)
    assert bus.next_wakeup() == pytest.approx(world.now() + 12)


@EMBEDDED
def test_what_became_ready_is_not_in_it_any_more(world, bus):
    """So that a consumer whose hands are full does not spin."""
    bus.send([(QUEUE, Message("a", b""))])
    (delivery,) = bus.lease(QUEUE, 1, 30)
    bus.retry(delivery, "busy", 12)
    world.advance(13)
    assert bus.next_wakeup() == pytest.approx(world.now() - 13 + TTL)


@EMBEDDED
def test_a_partitions_lease_or_pause_wakes_when_it_ends(world, bus):
    bus.send([], [("domain.orders", Message("f", b""))])
    records = bus.read(["domain.orders"], "g", 1, 30)
    assert bus.next_wakeup() == pytest.approx(world.now() + 30)
    bus.release("g", records, 7)
    assert bus.next_wakeup() == pytest.approx(world.now() + 7)
    world.advance(8)
    bus.commit("g", bus.read(["domain.orders"], "g", 1, 30))
    assert bus.next_wakeup() is None
