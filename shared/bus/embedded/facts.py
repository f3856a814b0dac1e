"""The topics of the embedded bus: an ordered log, read by groups that each keep their place in it."""

# Statements are joined from the constants of this room, never from data.
from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from events.topology import TopicSpec
from shared.bus.embedded.base import EmbeddedPart
from shared.bus.embedded.rows import MARKS, message_from, message_values
from shared.bus.embedded.schema import MESSAGE
from shared.bus.partition import partition_for
from shared.bus.port import Message, Record
from shared.errors import Invalid

_ADD = f"INSERT INTO fact (topic, part, sent_at, {MESSAGE}) VALUES (?, ?, ?, {MARKS})"
_JOIN = "INSERT OR IGNORE INTO reader (reader_group, topic, part) VALUES (?, ?, ?)"
_PLACES = "SELECT free_at, topic, part, committed FROM reader WHERE reader_group = ? AND topic = ?"
_NEXT = f"""SELECT position, sent_at, {MESSAGE} FROM fact WHERE topic = ? AND part = ? AND position > ?
    ORDER BY position LIMIT ?"""
_LEASE = """UPDATE reader SET receipt = ?, free_at = ?, leased_to = ?
    WHERE reader_group = ? AND topic = ? AND part = ?"""
_HOLDER = "reader_group = ? AND topic = ? AND part = ? AND receipt = ?"
_HELD = f"SELECT committed FROM reader WHERE {_HOLDER}"
_COMMIT = f"UPDATE reader SET committed = max(committed, ?) WHERE {_HOLDER}"
_FREE_WHEN_DONE = f"""UPDATE reader SET receipt = NULL, free_at = ?
    WHERE {_HOLDER} AND committed >= leased_to"""
_RELEASE = f"UPDATE reader SET receipt = NULL, free_at = ? WHERE {_HOLDER}"
_SKIP = f"""INSERT INTO dead (origin, of_topic, reader_group, reason, attempts, died_at, {MESSAGE})
    SELECT topic, 1, ?, ?, 1, ?, {MESSAGE} FROM fact WHERE position = ?"""
_LAG = """SELECT reader.topic, count(fact.position) FROM reader LEFT JOIN fact
    ON fact.topic = reader.topic AND fact.part = reader.part AND fact.position > reader.committed
    WHERE reader_group = ? GROUP BY reader.topic"""
_FORGET = "DELETE FROM reader WHERE reader_group = ?"
_SWEEP = """DELETE FROM fact WHERE topic = ? AND sent_at <= ? AND NOT EXISTS (
    SELECT 1 FROM reader WHERE reader.topic = fact.topic AND reader.part = fact.part
    AND reader.committed < fact.position)"""

_Holder = tuple[str, str, int, str]  # group, topic, partition, receipt


def add_facts(
    connection: sqlite3.Connection, topics: Mapping[str, TopicSpec], facts: Iterable[tuple[str, Message]], now: float
) -> None:
    """Append (topic, message) pairs; every topic is known by now."""
    rows = []
    for topic, message in facts:
        part = partition_for(message.key or message.id, topics[topic].partitions)
        rows.append((topic, part, now, *message_values(message)))
    connection.executemany(_ADD, rows)


class EmbeddedFacts(EmbeddedPart):
    """`FactLog` on a SQLite file."""

    def read(self, topics: Sequence[str], group: str, limit: int, seconds: float) -> list[Record]:
        """See `FactLog.read`. The partition that waited longest is read first, so that none starves."""
        self._check(topics, group)
        if limit < 1:
            return []
        now = self._clock()
        receipt = secrets.token_hex(8)
        records: list[Record] = []
        with self._database.transaction() as connection:
            for topic, part, committed in self._free_places(connection, topics, group, now):
                rows = connection.execute(_NEXT, (topic, part, committed, limit - len(records))).fetchall()
                if rows:
                    connection.execute(_LEASE, (receipt, now + seconds, rows[-1][0], group, topic, part))
                    records += [Record(topic, part, row[0], message_from(row[2:]), receipt, row[1]) for row in rows]
                if len(records) == limit:
                    break
        return records

    def commit(self, group: str, records: Sequence[Record]) -> int:
        """See `FactLog.commit`."""
        of_place: dict[_Holder, list[Record]] = {}
        for record in records:
            of_place.setdefault(_holder(group, record), []).append(record)
        with self._database.transaction() as connection:
            return sum(
                len(those) * self._commit(connection, holder, max(record.offset for record in those))
                for holder, those in of_place.items()
            )

    def release(self, group: str, records: Sequence[Record], delay: float = 0.0) -> None:
        """See `FactLog.release`."""
        free_at = self._clock() + delay
        with self._database.transaction() as connection:
            connection.executemany(_RELEASE, [(free_at, *_holder(group, record)) for record in records])

    def skip(self, group: str, record: Record, reason: str) -> bool:
        """See `FactLog.skip`."""
        holder = _holder(group, record)
        with self._database.transaction() as connection:
            committed = connection.execute(_HELD, holder).fetchone()
            if committed is None or committed[0] >= record.offset:
                return False
            connection.execute(_SKIP, (group, reason, self._clock(), record.offset))
            return self._commit(connection, holder, record.offset)

    def lag(self, group: str) -> dict[str, int]:
        """See `FactLog.lag`."""
        with self._database.transaction() as connection:
            return dict(connection.execute(_LAG, (group,)).fetchall())

    def forget(self, group: str) -> None:
        """See `FactLog.forget`."""
        with self._database.transaction() as connection:
            connection.execute(_FORGET, (group,))

    def sweep(self) -> int:
        """See `FactLog.sweep`."""
        now = self._clock()
        with self._database.transaction() as connection:
            return sum(
                connection.execute(_SWEEP, (spec.name, now - spec.retention_seconds)).rowcount
                for spec in self._topology.topics.values()
                if spec.retention_seconds is not None
            )

    def _free_places(
        self, connection: sqlite3.Connection, topics: Sequence[str], group: str, now: float
    ) -> list[tuple[str, int, int]]:
        """(topic, partition, committed) that nobody holds, the longest free first; a new group joins here."""
        places: list[tuple[float, str, int, int]] = []
        for topic in dict.fromkeys(topics):
            partitions = self._topology.topics[topic].partitions
            here = connection.execute(_PLACES, (group, topic)).fetchall()
            if len(here) < partitions:
                connection.executemany(_JOIN, [(group, topic, part) for part in range(partitions)])
                here = connection.execute(_PLACES, (group, topic)).fetchall()
            places += here
        return [place[1:] for place in sorted(places) if place[0] <= now]

    def _commit(self, connection: sqlite3.Connection, holder: _Holder, offset: int) -> bool:
        held = connection.execute(_COMMIT, (offset, *holder)).rowcount == 1
        connection.execute(_FREE_WHEN_DONE, (self._clock(), *holder))
        return held

    def _check(self, topics: Sequence[str], group: str) -> None:
        if not group:
            raise Invalid.field("group", "a reader belongs to a group")
        for topic in topics:
            if topic not in self._topology.topics:
                raise Invalid.field("topic", f"{topic!r} is not in the topology")


def _holder(group: str, record: Record) -> _Holder:
    return group, record.topic, record.partition, record.receipt
