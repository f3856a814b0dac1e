"""One reader of messages in a process of its own: the bridge, with functions that answer at once, or the bare library.

    python -m scripts.benchmarks.bridging READER SIZE COUNT     BENCH_URL is the engine's address

READER is a name of `READERS`; SIZE its prefetch (of queues) or the facts of a call (of topics). Prints
{"cpu": CPU seconds, "seconds": time from the first message to the last acknowledgement, "memory_mib": what it holds}.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from events.topology import TOPOLOGY
from host.bridge import Bridge
from host.subscriptions import Subscription
from scripts.benchmarks import machine

QUEUE, TOPIC = "auto_orders", "domain.orders"
#: What audit-record takes at once where a call takes many facts; tasks-react takes one and eight calls at once.
FACTS_WIDTH = 8
_LEASE = 60.0


class Clock:
    """Counts messages; runs from the first one."""

    def __init__(self, count: int) -> None:
        """`count` messages are expected."""
        self._left = count
        self._began: tuple[float, float] | None = None
        self.done = asyncio.Event()

    def seen(self, count: int = 1) -> bool:
        """So many more; whether all have come."""
        if self._began is None:
            self._began = (time.process_time(), time.perf_counter())
        self._left -= count
        if self._left <= 0:
            self.done.set()
        return self._left <= 0

    def say(self) -> None:
        """Print what was taken until now."""
        assert self._began is not None
        cpu, began = self._began
        memory = machine.memory_mib(os.getpid())
        print(json.dumps({"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - began,
                          "memory_mib": memory}))  # fmt: skip


class _Answer(NamedTuple):
    status: int = 204
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""


async def _bridge(bus: Any, subscription: Subscription, clock: Clock) -> None:
    """The bridge before a function that does nothing, until all messages are done."""

    async def call(_function: str, _headers: Any, body: bytes) -> _Answer:
        clock.seen(body.count(b"specversion"))
        return _Answer()

    bridge = Bridge(bus, bus.bells(), [subscription], call, lambda: "token")
    bridge.start()
    await clock.done.wait()
    await bridge.stop(5.0)
    clock.say()


def _width(prefetch: int) -> Subscription:
    return Subscription("stub", (QUEUE,), (), 0, prefetch, 1, _LEASE)


def rabbit_bridge(url: str, prefetch: int, clock: Clock) -> None:
    """The bridge on RabbitMQ."""
    from shared.bus.rabbitmq import RabbitBus

    uvloop.run(_bridge(RabbitBus(url, TOPOLOGY, prefetch=prefetch), _width(prefetch), clock))


def rabbit_bare(url: str, prefetch: int, clock: Clock) -> None:
    """pika's leanest consumer, which acknowledges each message when it came."""
    import pika

    def opened(channel: Any) -> None:
        channel.basic_qos(prefetch_count=prefetch)
        channel.basic_consume(QUEUE, arrived)

    def arrived(channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        channel.basic_ack(method.delivery_tag)
        if clock.seen():
            connection.close()

    connection = pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=lambda made: made.channel(on_open_callback=opened),
        on_close_callback=lambda made, _why: made.ioloop.stop(),
    )
    connection.ioloop.start()
    clock.say()


def file_bridge(url: str, prefetch: int, clock: Clock) -> None:
    """The bridge on the embedded engine, with so many calls at once."""
    from shared.bus.embedded import EmbeddedBus

    uvloop.run(_bridge(EmbeddedBus(Path(url), TOPOLOGY), _width(prefetch), clock))


def file_bare(url: str, prefetch: int, clock: Clock) -> None:
    """The embedded engine alone: lease so many, acknowledge them."""
    from shared.bus.embedded import EmbeddedBus

    bus = EmbeddedBus(Path(url), TOPOLOGY)
    over = False
    while not over:
        deliveries = bus.lease(QUEUE, prefetch, _LEASE)
        if deliveries:
            over = clock.seen(len(deliveries))
            bus.ack(deliveries)
    bus.close()
    clock.say()


def kafka_bridge(url: str, batch: int, clock: Clock) -> None:
    """The bridge on Kafka."""
    from shared.bus.kafka import KafkaFacts, kafka_address

    uvloop.run(_bridge(KafkaFacts(kafka_address(url), TOPOLOGY), _facts("bench-bridge", batch), clock))


def kafka_bare(url: str, batch: int, clock: Clock) -> None:
    """kafka-python's consumer, which commits after each poll, with as many records a poll as the bridge reads."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        TOPIC, bootstrap_servers=url.removeprefix("kafka://"), group_id="bench-bare", enable_auto_commit=False,
        auto_offset_reset="earliest", max_poll_records=max(batch, 16),
    )  # fmt: skip
    over = False
    while not over:
        records = sum(map(len, consumer.poll(timeout_ms=1000).values()))
        if records:
            over = clock.seen(records)
            consumer.commit()
    consumer.close()
    clock.say()


def facts_bridge(url: str, batch: int, clock: Clock) -> None:
    """The bridge on the embedded engine's topics."""
    from shared.bus.embedded import EmbeddedBus

    uvloop.run(_bridge(EmbeddedBus(Path(url), TOPOLOGY), _facts("bench-bridge", batch), clock))


def facts_bare(url: str, batch: int, clock: Clock) -> None:
    """The embedded engine's topics alone: read as many as the bridge does, commit them."""
    from shared.bus.embedded import EmbeddedBus

    bus = EmbeddedBus(Path(url), TOPOLOGY)
    over = False
    while not over:
        records = bus.read((TOPIC,), "bench-bare", max(batch, 16), _LEASE)
        if records:
            over = clock.seen(len(records))
            bus.commit("bench-bare", records)
    bus.close()
    clock.say()


def _facts(group: str, batch: int) -> Subscription:
    return Subscription(group, (), (TOPIC,), 0, FACTS_WIDTH if batch == 1 else 1, batch, _LEASE)


READERS: dict[str, Callable[[str, int, Clock], None]] = {
    reader.__name__: reader
    for reader in (
        *(rabbit_bridge, rabbit_bare, file_bridge, file_bare),
        *(kafka_bridge, kafka_bare, facts_bridge, facts_bare),
    )
}


def main() -> None:
    """The command line."""
    name, size, count = sys.argv[1:]
    READERS[name](os.environ["BENCH_URL"], int(size), Clock(int(count)))


if __name__ == "__main__":
    main()
