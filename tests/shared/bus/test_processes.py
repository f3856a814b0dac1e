"""Many processes on one bus, some of which die without a word."""

from __future__ import annotations

import pytest

from shared.bus.port import Depth, Message
from tests.shared.bus.world import EMBEDDED, WORK

pytestmark = WORK

BATCH = 200  # as in worker.py


def test_processes_that_consume_at_once_never_hold_the_same_message(world, bus):
    sent = [f"{number}" for number in range(300)]
    bus.send([("auto_seo", Message(message_id, b"")) for message_id in sent])
    consumers = [world.start("consume", "auto_seo") for _ in range(3)]
    for consumer in consumers:
        assert consumer.line() == "waiting"
    for consumer in consumers:
        consumer.go()
    leased = [message_id for consumer in consumers for message_id in consumer.rest()]
    assert sorted(leased) == sorted(sent)
    world.soon(lambda: bus.depth("auto_seo"), Depth(0, 0, 0, 0))


@EMBEDDED
def test_a_consumer_killed_during_its_lease_leaves_the_message_to_the_next(world, bus):
    bus.send([("auto_seo", Message("a", b""))])
    consumer = world.start("hold", "auto_seo")
    assert consumer.line() == "a"
    consumer.kill()
    assert bus.lease("auto_seo", 1, 30) == []
    world.advance(120)  # the worker's clock is the real one
    (again,) = bus.lease("auto_seo", 1, 30)
    assert (again.message.id, again.attempt) == ("a", 2)


@EMBEDDED
@pytest.mark.parametrize("confirmed_first", [0, 1, 3])
def test_a_publisher_killed_at_any_moment_leaves_whole_batches_and_all_it_confirmed(world, bus, confirmed_first):
    publisher = world.start("publish")
    assert publisher.line() == "waiting"
    publisher.go()
    confirmed = {publisher.line() for _ in range(confirmed_first)} | set(publisher.kill())

    work = [d.message.id for queue in ("auto_orders", "auto_seo") for d in bus.lease(queue, 10**6, 30)]
    facts = [record.message.id for record in bus.read(["domain.orders"], "g", 10**6, 30)]
    batches = {message_id.partition("-")[0] for message_id in work + facts}
    whole = sorted(f"{batch}-{place}" for batch in batches for place in range(BATCH))
    assert sorted(work) == sorted(facts) == whole
    assert confirmed <= batches
    assert len(batches) <= len(confirmed) + 1


def test_processes_that_start_on_a_new_bus_at_once_all_get_in(world):
    senders = [world.start("send", str(number)) for number in range(6)]
    for sender in senders:
        assert sender.line() == "waiting"
    for sender in senders:
        sender.go()
    for sender in senders:
        sender.rest()
    leased = world.leased(world.bus, "auto_seo", 6)
    assert sorted(delivery.message.id for delivery in leased) == ["0", "1", "2", "3", "4", "5"]


def test_a_fork_with_an_open_connection_loses_nothing_on_either_side(world, bus):
    assert world.start("fork").rest() == ["done"]
    leased = {delivery.message.id for delivery in world.leased(bus, "auto_seo", 4)}
    assert leased == {"before", "parent", "child", "child, alone"}
