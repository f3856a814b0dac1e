"""No consumer is lost or stuck, and no message either, whatever happens to the connection."""

from __future__ import annotations

import select
import time

import pytest

from events.topology import QueueSpec, Topology
from shared.bus.port import EXPIRED, Depth, Message
from shared.bus.rabbitmq import RabbitBus, consumer
from shared.bus.rabbitmq.address import parse_address
from shared.bus.rabbitmq.broker import Broker
from shared.bus.rabbitmq.layout import QueueOptions, broker_limit
from shared.bus.rabbitmq.session import Session
from shared.errors import TryAgain

QUEUE = "auto_seo"  # lives long
PATIENCE = 20.0


def work(count, start=0):
    return [(QUEUE, Message(str(number), b"{}")) for number in range(start, start + count)]


def lease(bus, count, seconds=60.0, queue=QUEUE):
    """`count` deliveries, however often the bus must be asked."""
    got = []
    deadline = time.monotonic() + PATIENCE
    while len(got) < count and time.monotonic() < deadline:
        try:
            got += bus.lease(queue, count - len(got), seconds)
        except TryAgain:
            time.sleep(0.02)
    assert len(got) == count
    return got


def until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_leased_on_a_broken_connection_comes_again_as_the_same_attempt(far, proxy, bus):
    bus.send(work(1))
    (old,) = lease(far, 1)
    proxy.cut()
    (new,) = lease(far, 1)
    assert (new.message.id, new.attempt) == ("0", 1)
    assert far.ack([old]) == 0
    assert not far.retry(old, "late", 0)
    assert far.ack([new]) == 1
    until(lambda: bus.depth(QUEUE) == Depth(0, 0, 0, 0))


def test_a_connection_cut_again_and_again_loses_no_message_and_no_consumer(far, proxy, bus):
    """Cut at any moment between lease and acknowledgement: each message is handled, most of them once."""
    bus.send(work(600))
    handled: set[str] = set()
    times = 0
    deadline = time.monotonic() + 60
    while len(handled) < 600 and time.monotonic() < deadline:
        try:
            deliveries = far.lease(QUEUE, 20, 60)
        except TryAgain:
            time.sleep(0.01)
            continue
        handled |= {delivery.message.id for delivery in deliveries}
        times += len(deliveries)
        if times // 150 > proxy.cuts and deliveries:
            proxy.cut()
        far.ack(deliveries)
    assert handled == {str(number) for number in range(600)}
    assert proxy.cuts >= 3
    far.close()
    assert bus.depth(QUEUE).dead == 0


def test_a_lease_raises_try_again_at_once_while_the_broker_is_away_and_goes_on_when_it_is_back(far, proxy, bus):
    bus.send(work(1))
    far.ack(lease(far, 1))
    proxy.cut(refuse=True)
    until(lambda: far._consumer is not None and far._consumer._down != "")
    started = time.monotonic()
    with pytest.raises(TryAgain, match="RabbitMQ at"):
        far.lease(QUEUE, 1, 30)
    assert time.monotonic() - started < 0.5
    proxy.heal()
    bus.send(work(1, start=1))
    came = {lease(far, 1)[0].message.id}
    if came == {"0"}:  # the acknowledgement was cut off
        came = {lease(far, 1)[0].message.id}
    assert came == {"1"}


def test_a_broker_that_falls_silent_is_left_for_a_new_connection(join, proxy, address, bus):
    """Heartbeats are what notices it (AMQP 0-9-1: two missed ones)."""
    far = join(proxy.through(address) + "?heartbeat=1")
    bus.send(work(1))
    lease(far, 1)
    proxy.silence()
    until(lambda: far._consumer is not None and far._consumer._down != "")
    proxy.cut()
    proxy.heal()
    assert lease(far, 1)[0].message.id == "0"


def test_two_consumers_share_a_queue_and_never_hold_the_same_message(join, bus):
    bus.send(work(300))
    one, other = join(prefetch=10), join(prefetch=10)
    seen: dict[str, list[str]] = {"one": [], "other": []}
    while len(seen["one"]) + len(seen["other"]) < 300:
        for name, user in (("one", one), ("other", other)):
            deliveries = user.lease(QUEUE, 5, 60)
            seen[name] += [delivery.message.id for delivery in deliveries]
            user.ack(deliveries)
    assert sorted(seen["one"] + seen["other"]) == sorted(str(number) for number in range(300))
    assert seen["one"]
    assert seen["other"]


def test_a_lessee_that_hangs_loses_its_lease_to_the_next(join, bus, monkeypatch):
    """Its own connection is well: it is the lease that ends, and then the wait in a consumer that nobody asks."""
    monkeypatch.setattr(consumer, "IDLE_SECONDS", 0.5)
    bus.send(work(1))
    hanging = join()
    lease(hanging, 1, seconds=0.3)
    (next_one,) = lease(bus, 1)
    assert (next_one.message.id, next_one.attempt) == ("0", 2)


def test_what_waits_where_nobody_leases_goes_to_another_consumer(join, bus, monkeypatch):
    monkeypatch.setattr(consumer, "IDLE_SECONDS", 0.2)
    bus.send(work(5))
    (held,) = lease(bus, 1)
    assert sorted(delivery.message.id for delivery in lease(join(), 4)) == ["1", "2", "3", "4"]
    assert bus.ack([held]) == 1
    bus.send(work(1, start=5))
    assert lease(bus, 1)[0].message.id == "5"


def test_a_queue_that_is_gone_stops_no_other_and_is_consumed_when_it_is_back(address, monkeypatch):
    monkeypatch.setattr(consumer, "FRESH_SECONDS", 1.0)  # should the broker forget the consumer
    extra = Topology({name: QueueSpec(name, 5, 600) for name in ("comes", "stays")}, {})
    session = Session(parse_address(address), "test")
    broker = Broker(session, extra, QueueOptions())
    broker.apply()
    bus = RabbitBus(address, extra)
    for name in extra.queues:
        bus.send([(name, Message("a", b""))])
        bus.ack(lease(bus, 1, queue=name))
    session.ask(lambda channel, done: channel.queue_delete("comes", callback=done))
    bus.send([("stays", Message("b", b""))])
    assert lease(bus, 1, queue="stays")[0].message.id == "b"
    assert bus.lease("comes", 1, 30) == []
    broker.apply()
    bus.send([("comes", Message("c", b""))])
    assert lease(bus, 1, queue="comes")[0].message.id == "c"
    bus.close()
    session.close()


def test_a_message_that_breaks_whoever_holds_it_ends_in_the_dead_letters(address, proxy):
    """The broker counts broken connections, which we forgive, up to its own limit."""
    once = Topology({"once": QueueSpec("once", 5, 60, delivery_limit=1)}, {})
    session = Session(parse_address(address), "test")
    Broker(session, once, QueueOptions()).apply()
    bus, far = RabbitBus(address, once), RabbitBus(proxy.through(address), once)
    bus.send([("once", Message("poison", b""))])
    for _ in range(broker_limit(once.queues["once"]) + 1):
        lease(far, 1, queue="once")
        proxy.cut()
    until(lambda: bus.depth("once").dead == 1)
    assert [(letter.message.id, letter.reason) for letter in bus.dead_letters("once").items] == [
        ("poison", "delivery limit")
    ]
    far.close()
    bus.close()
    session.close()


def test_what_came_rings_within_a_moment(bus, join):
    assert bus.lease(QUEUE, 1, 30) == []
    (bell,) = bus.bells()
    until(lambda: bus._consumer is not None and QUEUE in bus._consumer._lanes)
    bell.silence()
    join().send(work(1))
    started = time.monotonic()
    waiting = select.poll()
    waiting.register(bell.fileno(), select.POLLIN)
    assert waiting.poll(5000)
    assert time.monotonic() - started < 1
    assert [delivery.message.id for delivery in bus.lease(QUEUE, 1, 30)] == ["0"]


def test_what_a_delay_ends_rings_too(bus):
    bus.send(work(1))
    (delivery,) = lease(bus, 1)
    bus.retry(delivery, "busy", 0.3)
    (bell,) = bus.bells()
    bell.silence()
    waiting = select.poll()
    waiting.register(bell.fileno(), select.POLLIN)
    assert waiting.poll(10_000)
    assert bus.lease(QUEUE, 1, 30)[0].attempt == 2


def test_a_short_delay_is_not_held_up_by_a_long_one(bus):
    bus.send(work(2))
    first, second = lease(bus, 2)
    bus.retry(first, "busy", 300)
    bus.retry(second, "busy", 0.2)
    assert lease(bus, 1)[0].message.id == "1"
    assert bus.depth(QUEUE) == Depth(0, 1, 1, 0)


def test_what_expires_while_it_waits_in_a_consumer_is_not_worked_on(bus):
    bus.send(work(1))
    held = lease(bus, 1)
    bus.send([(QUEUE, Message("late", b"", expires_at=time.time() + 0.2))])
    until(lambda: bus._consumer is not None and bus._consumer.count(QUEUE)[0] == 1)
    time.sleep(0.25)
    assert bus.lease(QUEUE, 1, 30) == []
    until(lambda: bus.depth(QUEUE).dead == 1)
    assert [(one.message.id, one.reason) for one in bus.dead_letters(QUEUE).items] == [("late", EXPIRED)]
    bus.ack(held)


def test_a_message_of_somebody_elses_is_delivered_too(address, bus):
    """Nothing but a body: its id is made of it, so that the same message has the same id."""
    from pika import BasicProperties

    session = Session(parse_address(address), "test")
    channel = session.channel()
    channel.basic_publish("", QUEUE, b"hello", BasicProperties(headers={"attempts": "many", "diesat": "never"}))
    session.sleep(0.05)
    session.close()
    (delivery,) = lease(bus, 1)
    assert (delivery.message.body, len(delivery.message.id), delivery.attempt) == (b"hello", 64, 1)
    bus.bury(delivery, "who are you")
    assert bus.dead_letters(QUEUE).items[0].reason == "who are you"


def test_a_bus_that_still_connects_raises_try_again_and_can_be_closed(far, proxy, monkeypatch):
    monkeypatch.setattr(consumer, "CONNECT_SECONDS", 0.2)
    proxy.silence()
    with pytest.raises(TryAgain, match="there is no connection yet"):
        far.lease(QUEUE, 1, 30)
    started = time.monotonic()
    far.close()
    assert time.monotonic() - started < 4
