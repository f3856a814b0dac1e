"""What died in a topic: kept in `<topic>.dlq`, one partition, compacted.

A letter's key is its id, and its id says where it died: so a letter that is kept twice is one, and a record without a
value under that key ends it (replayed or discarded), which compaction then takes away for good. The office keeps what
it has read of a topic's letters and reads on from there.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from events.topology import DEAD_LETTER_SUFFIX, Topology
from shared.bus.kafka.address import KafkaAddress
from shared.bus.kafka.codec import Headers, Row, headers_of, message_of, row_of
from shared.bus.kafka.connect import LARGEST_MESSAGE, common, kafka_errors, opened
from shared.bus.kafka.publish import KafkaSender
from shared.bus.port import DeadLetter, DeadLetters, Record
from shared.errors import Invalid, NotFound, TryAgain

_REASON, _ATTEMPTS, _GROUP, _DIED, _KEY = "bus-reason", "bus-attempts", "bus-group", "bus-died", "bus-key"
_POLL_SECONDS = 2.0
_READ_SECONDS = 20.0  # of a call; what it has read by then stays read


def dead_topic(address: KafkaAddress, topic: str) -> str:
    """The name in the cluster of a topic's letters."""
    return address.name(topic) + DEAD_LETTER_SUFFIX


def skipped(
    address: KafkaAddress, group: str, record: Record, reason: str, attempts: int, now: float
) -> tuple[str, bytes, bytes, Headers]:
    """(topic, key, value, headers) of the letter of a fact that a group skipped. `now` in seconds since the epoch."""
    letter = f"{record.topic}:{record.partition}:{record.offset}:{group}"
    told = [(_REASON, reason), (_ATTEMPTS, str(attempts)), (_GROUP, group), (_DIED, repr(now))]
    headers = headers_of(record.message) + [(name, text.encode()) for name, text in told]
    headers.append((_KEY, record.message.key.encode()))
    return dead_topic(address, record.topic), letter.encode(), record.message.body, headers


class KafkaDeadLetters:
    """The topics' half of `DeadLetterOffice`."""

    def __init__(self, address: KafkaAddress, topology: Topology, sender: KafkaSender) -> None:
        self._address = address
        self._topology = topology
        self._sender = sender
        self._shelf_lock = threading.Lock()
        self._shelves: dict[str, _Shelf] = {}

    def dead_letters(self, origin: str, limit: int = 50, cursor: str | None = None) -> DeadLetters:
        """See `DeadLetterOffice.dead_letters`."""
        if limit < 1:
            raise Invalid.field("limit", "must be at least 1")
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
            raise Invalid.field("cursor", "is not one that this bus gave")
        rows = [row for row in self._rows(origin) if cursor is None or row.offset < int(cursor)]
        rows.sort(key=lambda row: row.offset, reverse=True)
        page = rows[:limit]
        return DeadLetters([_letter(origin, row) for row in page], str(page[-1].offset) if rows[limit:] else None)

    def replay(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.replay`. Sent first and taken away then: a crash between the two lets it be replayed
        again, which its readers notice by the event's id."""
        letter = self._find(dead_id)
        self._sender.send_facts([(letter.origin, letter.message)])
        self._take_away(letter)
        return letter

    def discard(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.discard`."""
        letter = self._find(dead_id)
        self._take_away(letter)
        return letter

    def close_office(self) -> None:
        """Let go of what was read."""
        with self._shelf_lock:
            for shelf in self._shelves.values():
                shelf.close()
            self._shelves.clear()

    def _find(self, dead_id: str) -> DeadLetter:
        origin = dead_id.partition(":")[0]
        rows = self._rows(origin) if origin in self._topology.topics else []
        for row in rows:
            if row.key == dead_id.encode():
                return _letter(origin, row)
        raise NotFound(f"no dead letter has the id {dead_id}")

    def _take_away(self, letter: DeadLetter) -> None:
        self._sender.send_raw(dead_topic(self._address, letter.origin), letter.id.encode(), None, [])

    def _rows(self, origin: str) -> list[Row]:
        if origin not in self._topology.topics:
            raise Invalid.field("origin", f"{origin!r} is not in the topology")
        with self._shelf_lock, kafka_errors():
            shelf = self._shelves.get(origin)
            if shelf is None:
                shelf = self._shelves[origin] = _Shelf(self._address, dead_topic(self._address, origin))
            return shelf.rows()


class _Shelf:
    """The letters of one topic, by their ids, read up to some offset."""

    def __init__(self, address: KafkaAddress, topic: str) -> None:
        from kafka import KafkaConsumer, TopicPartition

        self._place = TopicPartition(topic, 0)
        self._rows: dict[bytes, Row] = {}
        self._consumer: Any = opened(
            KafkaConsumer,
            **common(address, "dead-letters"),
            metrics_enabled=False,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_partition_fetch_bytes=LARGEST_MESSAGE,
        )
        self._consumer.assign([self._place])
        self._consumer.seek_to_beginning(self._place)

    def rows(self) -> list[Row]:
        """Those that rest there now."""
        end = self._consumer.end_offsets([self._place])[self._place]
        deadline = time.monotonic() + _READ_SECONDS
        while self._consumer.position(self._place) < end:
            if time.monotonic() > deadline:
                raise TryAgain(f"{self._place.topic} could not be read in {_READ_SECONDS:.0f} seconds")
            for records in self._consumer.poll(timeout_ms=int(_POLL_SECONDS * 1000)).values():
                for row in map(row_of, records):
                    self._keep(row)
        return list(self._rows.values())

    def _keep(self, row: Row) -> None:
        if row.key is None:
            return
        if row.value is None:
            self._rows.pop(row.key, None)
        else:
            self._rows[row.key] = row

    def close(self) -> None:
        self._consumer.close(timeout_ms=1000)


def _letter(origin: str, row: Row) -> DeadLetter:
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in row.headers}
    message = message_of(row._replace(key=told.get(_KEY, "").encode()))
    return DeadLetter(
        id=(row.key or b"").decode("utf-8", "replace"),
        origin=origin,
        message=message,
        reason=told.get(_REASON, ""),
        attempts=int(told.get(_ATTEMPTS, "1")),
        died_at=float(told.get(_DIED, "") or row.timestamp / 1000),
        group=told.get(_GROUP, ""),
    )
