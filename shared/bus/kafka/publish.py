"""Sending facts: an idempotent producer, confirmed by all replicas in sync, pipelined within a call."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from events.topology import Topology
from shared.bus.kafka.address import KafkaAddress
from shared.bus.kafka.codec import Headers, headers_of
from shared.bus.kafka.connect import LARGEST_MESSAGE, Patience, common, kafka_errors, opened
from shared.bus.partition import partition_for
from shared.bus.port import Message, NotSent
from shared.errors import Invalid, TryAgain

#: How long a call waits for its confirmations; what is not confirmed by then stays in the outbox. Seconds.
DELIVERY_SECONDS = 10.0
_Sending = tuple[str, bytes | None, bytes | None, Headers, int | None]


class KafkaSender:
    """One producer, opened when first used; any number of threads may use it."""

    def __init__(self, address: KafkaAddress, topology: Topology) -> None:
        self._address = address
        self._topology = topology
        self._lock = threading.Lock()
        self._patience = Patience()
        self._producer: Any = None

    def send_facts(self, facts: Sequence[tuple[str, Message]]) -> None:
        """Send (topic, message) pairs; each is confirmed when this returns. Invalid for an unknown topic before
        anything is sent; `NotSent` when some are not confirmed."""
        for topic, _ in facts:
            if topic not in self._topology.topics:
                raise Invalid.field("topic", f"{topic!r} is not in the topology")
        headers = [headers_of(message) for _, message in facts]
        if not facts:
            return
        futures: list[Any] = []
        try:
            with self._producing() as producer:
                for (topic, message), told in zip(facts, headers, strict=True):
                    futures.append(_send(producer, self._sending(producer, self._address.name(topic), message, told)))
                _wait_for(futures)
        except TryAgain as error:
            safe = {message.id for (_, message), future in zip(facts, futures, strict=False) if future.succeeded()}
            unsent = {message.id for _, message in facts} - safe
            raise NotSent(error.detail, unsent, retry_after=error.retry_after) from error

    def send_raw(self, topic: str, key: bytes, value: bytes | None, headers: Headers) -> None:
        """Send one record (None: a tombstone) to a topic by its name in the cluster, confirmed."""
        with self._producing() as producer:
            _wait_for([_send(producer, (topic, key, value, headers, None))])

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            _end(producer)

    def _sending(self, producer: Any, topic: str, message: Message, headers: Headers) -> _Sending:
        if message.key:  # the producer's own partitioner chooses as `partition_for` does
            return topic, message.key.encode(), message.body, headers, None
        partition = partition_for(message.id, len(producer.partitions_for(topic)))
        return topic, None, message.body, headers, partition

    def _open(self) -> Any:
        from kafka import KafkaProducer

        with self._lock:
            if self._producer is None:
                with self._patience.attempt():
                    self._producer = opened(
                        KafkaProducer,
                        **common(self._address, "publisher"),
                        metrics_enabled=False,
                        enable_idempotence=True,
                        acks="all",
                        allow_auto_create_topics=False,
                        max_request_size=LARGEST_MESSAGE,
                        max_block_ms=int(DELIVERY_SECONDS * 500),
                        request_timeout_ms=int(DELIVERY_SECONDS * 500),
                        delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
                    )
            return self._producer

    @contextmanager
    def _producing(self) -> Iterator[Any]:
        """A producer with which a call failed is forgotten: what it still holds is not sent behind our back, for the
        outbox has it."""
        producer = self._open()
        try:
            with kafka_errors():
                yield producer
        except TryAgain:
            with self._lock:
                if self._producer is producer:
                    self._producer = None
            producer._sender.force_close()
            _end(producer)
            raise


def _send(producer: Any, sending: _Sending) -> Any:
    topic, key, value, headers, partition = sending
    return producer.send(topic, value=value, key=key, headers=headers, partition=partition)


def _wait_for(futures: Sequence[Any]) -> None:
    for future in futures:
        future.get(timeout=DELIVERY_SECONDS + 1)


def _end(producer: Any) -> None:
    """Close it, waiting for a second at most. Its `close` gives up before it stops its thread when it is too slow."""
    from kafka.errors import KafkaError

    try:
        producer.close(timeout=1)
    except KafkaError:
        producer._sender.force_close()
