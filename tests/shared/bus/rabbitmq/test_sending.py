"""What is sent is safe when `send` returns; whatever is not is an error that names its queue."""

from __future__ import annotations

import dataclasses
import threading
import time
from urllib.parse import urlsplit

import pytest

from events.topology import QueueSpec, Topology
from shared.bus.port import Message, NotSent
from shared.bus.rabbitmq import RabbitBus
from shared.bus.rabbitmq.address import parse_address
from shared.bus.rabbitmq.broker import Broker
from shared.bus.rabbitmq.layout import QueueOptions
from shared.bus.rabbitmq.session import Session
from shared.errors import Invalid, TryAgain
from tests.shared.bus.engines.rabbitmq import virtual_host
from tests.shared.bus.world import topology

QUEUE = "auto_orders"
BODY = b"x" * 2000


def work(count, queue=QUEUE):
    return [(queue, Message(str(number), BODY)) for number in range(count)]


def test_a_queue_that_is_not_there_is_named_and_the_others_get_theirs(address, bus):
    missing = QueueSpec("auto_missing", 5, 60)
    wider = Topology({**topology().queues, "auto_missing": missing}, {})
    sender = RabbitBus(address, wider)
    lost = [("auto_missing", Message("lost", BODY)), ("auto_missing", Message("lost too", BODY))]
    with pytest.raises(NotSent, match=r"^auto_missing: no queue took it \(NO_ROUTE\)$") as refusal:
        sender.send([*work(1), *lost, *work(1, "auto_seo")])
    sender.close()
    assert refusal.value.ids == {"lost", "lost too"}
    assert (bus.depth(QUEUE).ready, bus.depth("auto_seo").ready) == (1, 1)


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_a_queue_at_its_length_limit_refuses_by_name_until_there_is_room(kind):
    address = virtual_host(kind)
    short = Topology({"short": QueueSpec("short", 5, 600)}, {})
    session = Session(parse_address(address), "test")
    Broker(session, short, QueueOptions(kind, max_length=10)).apply()
    session.ask(lambda channel, done: channel.queue_purge("short", callback=done))
    session.close()
    bus = RabbitBus(address, short)
    confirmed, refusal = 0, ""
    while not refusal:
        try:
            bus.send(work(1, "short"))
            confirmed += 1
        except TryAgain as error:
            refusal = error.detail
    assert refusal.startswith("short: the broker refused it")
    assert 10 <= confirmed < 100
    taken = []
    while len(taken) < confirmed:
        deliveries = bus.lease("short", 100, 30)
        bus.ack(deliveries)
        taken += deliveries
    deadline = time.monotonic() + 10
    while True:
        try:
            bus.send(work(1, "short"))
            break
        except TryAgain:
            assert time.monotonic() < deadline
    bus.close()


def test_facts_are_not_for_this_engine(bus):
    with pytest.raises(Invalid, match=r"topic: 'domain\.orders'"):
        bus.send([], [("domain.orders", Message("a", b""))])


def test_a_connection_that_broke_while_nobody_sent_costs_nothing(far, proxy, bus):
    far.send(work(1))
    assert proxy.cut() == 1
    far.send(work(1))
    assert bus.depth(QUEUE).ready == 2


def test_a_connection_that_breaks_in_the_middle_of_a_send_loses_nothing_that_is_sent_again(far, proxy, bus):
    """Cut again and again while batches are sent: what raised is sent again, as the outbox does."""
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(0.1):
            proxy.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    failures = 0
    try:
        for number in range(100):
            batch = [("auto_seo", Message(f"{number}-{place}", BODY)) for place in range(50)]
            while True:
                try:
                    far.send(batch)
                    break
                except TryAgain:
                    failures += 1
                    assert failures < 5000
    finally:
        stop.set()
        cutter.join()
    assert proxy.cuts > 0
    seen = set()
    while len(seen) < 5000:
        deliveries = bus.lease("auto_seo", 100, 30)
        seen |= {delivery.message.id for delivery in deliveries}
        bus.ack(deliveries)
    assert seen == {f"{number}-{place}" for number in range(100) for place in range(50)}


def test_a_broker_that_is_not_there_is_try_again_and_works_when_it_is(far, proxy, bus):
    proxy.cut(refuse=True)
    with pytest.raises(TryAgain, match=r"^RabbitMQ at 127\.0\.0\.1:\d+: "):
        far.send(work(1))
    proxy.heal()
    far.send(work(1))
    assert bus.depth(QUEUE).ready == 1


def test_a_broker_that_falls_silent_is_try_again_after_the_patience(far, proxy, bus):
    far.send(work(1))
    far._session._patience = 0.3
    proxy.silence()
    started = time.monotonic()
    with pytest.raises(TryAgain, match="no answer in time"):
        far.send(work(1))
    assert time.monotonic() - started < 5
    proxy.heal()
    far._session._patience = 10
    far.send(work(1))


def test_no_error_shows_the_password(address, proxy):
    parts = urlsplit(address)
    wrong = address.replace(parts.password or "", "Tr0ub4dor")
    bus = RabbitBus(wrong, topology())
    with pytest.raises(TryAgain) as caught:
        bus.send(work(1))
    bus.close()
    told = caught.value.detail + repr(parse_address(wrong)) + repr(dataclasses.asdict(bus._address).keys())
    assert "Tr0ub4dor" not in told
    assert "ACCESS_REFUSED" in told or "Authentication" in told


def test_threads_that_send_on_one_bus_take_turns_and_lose_nothing(bus):
    def send(start: int) -> None:
        for number in range(start, start + 20):
            bus.send([(QUEUE, Message(str(number), BODY))])

    threads = [threading.Thread(target=send, args=(start,)) for start in range(0, 100, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bus.depth(QUEUE).ready == 100
