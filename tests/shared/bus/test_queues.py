"""What every engine promises about work: one doer, retried, never lost."""

from __future__ import annotations

import pytest

from shared.bus.port import EXPIRED, LEASE_RAN_OUT, Depth, Message
from shared.errors import Invalid
from tests.shared.bus.world import EMBEDDED, PRIORITY, TTL, WORK

pytestmark = WORK

QUEUE = "auto_orders"  # priority 10, TTL to live, five deliveries


def work(*ids, **fields):
    return [(QUEUE, Message(message_id, b"{}", **fields)) for message_id in ids]


def ids(deliveries):
    return [delivery.message.id for delivery in deliveries]


def dead(bus, origin=QUEUE):
    return [(letter.message.id, letter.reason, letter.attempts) for letter in bus.dead_letters(origin).items]


def test_a_message_arrives_as_it_was_sent(world, bus):
    sent = Message(
        "e-1",
        b'\x00\xff{"a": "\xc3\xa9"}',
        content_type="application/json",
        key="order-7",
        priority=4,
        expires_at=world.now() + 60.125,
        headers={"traceparent": "00-ab-cd-01", "ümlaut": "ß"},
    )
    bus.send([(QUEUE, sent)])
    (delivery,) = world.leased(bus, QUEUE, 1)
    assert (delivery.message, delivery.queue, delivery.attempt) == (sent, QUEUE, 1)


def test_messages_of_one_priority_are_leased_in_the_order_they_were_sent(world, bus):
    bus.send(work("a", "b"))
    bus.send(work("c"))
    assert ids(world.leased(bus, QUEUE, 3)) == ["a", "b", "c"]


@PRIORITY
def test_a_higher_priority_is_leased_before_an_older_message(world, bus):
    bus.send(work("low-1", "low-2"))
    bus.send(work("high-1", "high-2", priority=10))
    assert ids(world.leased(bus, QUEUE, 3)) == ["high-1", "high-2", "low-1"]


@PRIORITY
def test_a_priority_above_the_queues_own_counts_as_the_queues_own(world, bus):
    bus.send([("auto_analytics", Message("first", b"", priority=3))])
    bus.send([("auto_analytics", Message("second", b"", priority=200))])
    (first, second) = world.leased(bus, "auto_analytics", 2)
    assert (ids([first, second]), second.message.priority) == (["first", "second"], 200)


def test_a_lease_takes_no_more_than_its_limit(world, bus):
    bus.send(work("a", "b", "c"))
    assert ids(world.leased(bus, QUEUE, 1)) == ["a"]
    world.soon(lambda: bus.depth(QUEUE), Depth(2, 1, 0, 0))
    assert len(bus.lease(QUEUE, 1, 30)) <= 1
    assert ids(bus.lease(QUEUE, 0, 30)) == []


def test_queues_are_apart(world, bus):
    bus.send([("auto_seo", Message("a", b"")), (QUEUE, Message("b", b""))])
    assert ids(world.leased(bus, QUEUE, 1)) == ["b"]
    assert bus.lease(QUEUE, 10, 30) == []
    assert ids(world.leased(bus, "auto_seo", 1)) == ["a"]


def test_a_leased_message_is_nobody_elses(world, bus):
    bus.send(work("a"))
    world.leased(bus, QUEUE, 1, 60)
    other = world.join()
    assert other.lease(QUEUE, 1, 30) == []
    world.advance(10)
    assert other.lease(QUEUE, 1, 30) == []


def test_an_acknowledged_message_never_comes_back(world, bus):
    bus.send(work("a", "b"))
    assert bus.ack(world.leased(bus, QUEUE, 2)) == 2
    world.advance(31)
    assert bus.lease(QUEUE, 2, 30) == []
    assert bus.depth(QUEUE) == Depth(0, 0, 0, 0)


def test_acknowledging_nothing_is_allowed(bus):
    assert bus.ack([]) == 0


def test_a_lease_that_runs_out_is_redelivered_as_the_next_attempt(world, bus):
    bus.send(work("a"))
    world.leased(bus, QUEUE, 1, 30)
    world.advance(20)
    assert bus.lease(QUEUE, 1, 30) == []
    world.advance(11)
    (again,) = world.leased(bus, QUEUE, 1)
    assert (again.message.id, again.attempt) == ("a", 2)


def test_whoever_lost_a_lease_changes_nothing_any_more(world, bus):
    bus.send(work("a"))
    (old,) = world.leased(bus, QUEUE, 1, 10)
    world.advance(11)
    (new,) = world.leased(bus, QUEUE, 1)
    assert bus.ack([old]) == 0
    assert not bus.retry(old, "late", 0)
    assert not bus.bury(old, "late")
    assert not bus.extend(old, 30)
    assert bus.depth(QUEUE) == Depth(0, 1, 0, 0)
    assert bus.ack([new]) == 1


def test_an_extended_lease_holds_for_that_long_from_now(world, bus):
    bus.send(work("a"))
    (delivery,) = world.leased(bus, QUEUE, 1, 30)
    world.advance(20)
    assert bus.extend(delivery, world.seconds(30))
    world.advance(20)
    assert bus.lease(QUEUE, 1, 30) == []
    world.advance(11)
    assert ids(world.leased(bus, QUEUE, 1)) == ["a"]


def test_the_last_lease_that_runs_out_ends_in_the_dead_letters(world, bus):
    bus.send(work("poison"))
    for attempt in range(1, 6):
        (delivery,) = world.leased(bus, QUEUE, 1, 5)
        assert delivery.attempt == attempt
        world.advance(6)
    assert bus.lease(QUEUE, 1, 30) == []
    world.soon(lambda: dead(bus), [("poison", LEASE_RAN_OUT, 5)])


def test_a_retried_message_waits_for_the_delay_that_was_asked(world, bus):
    bus.send(work("a"))
    (delivery,) = world.leased(bus, QUEUE, 1)
    assert bus.retry(delivery, "busy", world.seconds(40))
    world.advance(25)
    assert bus.lease(QUEUE, 1, 30) == []
    assert bus.depth(QUEUE) == Depth(0, 0, 1, 0)
    world.advance(16)
    (again,) = world.leased(bus, QUEUE, 1)
    assert (again.message.id, again.attempt) == ("a", 2)


def test_a_retry_without_a_delay_waits_no_longer_than_the_queues_backoff(world, bus):
    bus.send(work("a"))
    for longest in (2.0, 4.0, 8.0, 16.0):
        (delivery,) = world.leased(bus, QUEUE, 1)
        bus.retry(delivery, "busy")
        world.advance(longest)
    assert world.leased(bus, QUEUE, 1)[0].attempt == 5


def test_the_fifth_failure_ends_in_the_dead_letters_with_its_reason(world, bus):
    bus.send(work("poison"))
    for attempt in range(1, 6):
        (delivery,) = world.leased(bus, QUEUE, 1)
        assert bus.retry(delivery, f"failure {attempt}", 0)
    assert bus.lease(QUEUE, 1, 30) == []
    assert dead(bus) == [("poison", "failure 5", 5)]


def test_others_flow_past_a_poison_message(world, bus):
    bus.send(work("poison", "good"))
    (poison,) = world.leased(bus, QUEUE, 1)
    bus.retry(poison, "failed", 10)
    assert ids(world.leased(bus, QUEUE, 1)) == ["good"]


@EMBEDDED
def test_a_retried_message_keeps_its_place_before_younger_ones(bus):
    bus.send(work("old", "young"))
    (old,) = bus.lease(QUEUE, 1, 30)
    bus.retry(old, "busy", 0)
    assert ids(bus.lease(QUEUE, 2, 30)) == ["old", "young"]


def test_a_buried_message_goes_straight_to_the_dead_letters(world, bus):
    bus.send(work("a"))
    (delivery,) = world.leased(bus, QUEUE, 1)
    assert bus.bury(delivery, "no such order")
    assert not bus.bury(delivery, "no such order")
    assert dead(bus) == [("a", "no such order", 1)]
    assert bus.dead_letters(QUEUE).items[0].died_at == pytest.approx(world.now(), abs=5)


def test_what_waits_past_the_queues_time_to_live_expires_into_the_dead_letters(world, bus):
    bus.send(work("a"))
    world.advance(TTL * 0.7)
    assert bus.depth(QUEUE) == Depth(1, 0, 0, 0)
    world.advance(TTL * 0.4)
    world.soon(lambda: dead(bus), [("a", EXPIRED, 0)])
    assert bus.lease(QUEUE, 1, 30) == []


def test_a_messages_own_expiry_comes_before_the_queues(world, bus):
    bus.send(work("short", expires_at=world.now() + world.seconds(20)))
    bus.send(work("long", expires_at=world.now() + world.seconds(2 * TTL)))
    world.advance(21)
    world.soon(lambda: dead(bus), [("short", EXPIRED, 0)])
    world.advance(TTL)
    world.soon(lambda: dead(bus), [("long", EXPIRED, 0), ("short", EXPIRED, 0)])


def test_a_message_that_is_sent_too_late_expires_and_is_not_lost(world, bus):
    bus.send(work("late", expires_at=world.now() - 1))
    world.soon(lambda: dead(bus), [("late", EXPIRED, 0)])
    assert bus.lease(QUEUE, 1, 30) == []


def test_time_to_live_does_not_end_work_that_is_being_done(world, bus):
    bus.send(work("a"))
    (delivery,) = world.leased(bus, QUEUE, 1, 2 * TTL)
    world.advance(TTL + 1)
    assert bus.depth(QUEUE) == Depth(0, 1, 0, 0)
    assert bus.ack([delivery]) == 1


def test_work_that_comes_back_after_its_time_to_live_expires(world, bus):
    bus.send(work("a"))
    (delivery,) = world.leased(bus, QUEUE, 1, 2 * TTL)
    world.advance(TTL + 1)
    bus.retry(delivery, "busy", 0)
    assert dead(bus) == [("a", EXPIRED, 1)]


def test_a_delay_longer_than_the_time_to_live_expires_when_that_ends(world, bus):
    bus.send(work("a"))
    (delivery,) = world.leased(bus, QUEUE, 1)
    bus.retry(delivery, "busy", world.seconds(2 * TTL))
    world.advance(TTL + 1)
    world.soon(lambda: (bus.lease(QUEUE, 1, 30), dead(bus)), ([], [("a", EXPIRED, 1)]))


def test_the_depth_counts_each_message_where_it_is(world, bus):
    bus.send(work("dead", "delayed", "leased", "ready", priority=5))
    dying, waiting, _ = world.leased(bus, QUEUE, 3)
    bus.bury(dying, "no")
    bus.retry(waiting, "busy", 10)
    world.soon(lambda: bus.depth(QUEUE), Depth(ready=1, leased=1, delayed=1, dead=1))
    assert bus.depth("auto_seo") == Depth(0, 0, 0, 0)


@pytest.mark.parametrize("act", ["lease", "depth"])
def test_a_queue_that_is_not_in_the_topology_is_named(bus, act):
    with pytest.raises(Invalid, match="'auto_nothing' is not in the topology"):
        bus.lease("auto_nothing", 1, 30) if act == "lease" else bus.depth("auto_nothing")


def test_a_message_needs_an_id_and_a_priority_within_bounds():
    with pytest.raises(Invalid, match="id: a message needs an id"):
        Message("", b"")
    with pytest.raises(Invalid, match="priority: must be between 0 and 255"):
        Message("a", b"", priority=256)
