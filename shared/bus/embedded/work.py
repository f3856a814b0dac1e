"""The queues of the embedded bus: leases, retries, time to live and dead letters in one SQLite file.

How a message moves, always inside one transaction:
1. What is due moves first (`_settle`), so every call sees the file as it is at its own moment.
2. ready -> leased by `lease`; leased -> gone by `ack`; leased -> delayed by `retry`; delayed -> ready when due.
3. A lease that ran out goes back to ready at once, or to the dead letters after the last attempt.
4. A message that waits past its time to live goes to the dead letters; so does one that is buried.
5. Whoever acts on a delivery names its lease; when the row bears another, nothing changes.
"""

# Statements are joined from the constants of this room, never from data.
from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from events.topology import QueueSpec
from shared.bus.backoff import backoff
from shared.bus.embedded.base import EmbeddedPart
from shared.bus.embedded.rows import MARKS, message_from, message_values
from shared.bus.embedded.schema import MESSAGE
from shared.bus.port import EXPIRED, LEASE_RAN_OUT, Delivery, Depth, Message
from shared.errors import Invalid

_ADD = f"""INSERT INTO message (queue, state, rank, attempt, due_at, dies_at, {MESSAGE})
    VALUES (?, 'ready', ?, 0, ?, ?, {MARKS})"""
_NEXT = f"""SELECT seq, attempt, {MESSAGE} FROM message WHERE queue = ? AND state = 'ready'
    ORDER BY rank DESC, seq LIMIT ?"""
_LEASE = "UPDATE message SET state = 'leased', attempt = attempt + 1, lease = ?, due_at = ? WHERE seq = ?"
_ACK = "DELETE FROM message WHERE seq = ? AND lease = ?"
_DELAY = """UPDATE message SET state = 'delayed', lease = NULL, due_at = min(?, dies_at)
    WHERE seq = ? AND lease = ?"""
_EXTEND = "UPDATE message SET due_at = ? WHERE seq = ? AND lease = ?"
_HELD = "SELECT 1 FROM message WHERE seq = ? AND lease = ?"
_DUE = "SELECT seq, queue, state, attempt, dies_at FROM message WHERE due_at <= ? ORDER BY due_at, seq"
_READY = "UPDATE message SET state = 'ready', lease = NULL, due_at = dies_at WHERE seq = ?"
_BURY = f"""INSERT INTO dead (origin, of_topic, reader_group, reason, attempts, died_at, {MESSAGE})
    SELECT queue, 0, '', ?, attempt, ?, {MESSAGE} FROM message WHERE seq = ?"""
_REMOVE = "DELETE FROM message WHERE seq = ?"
_COUNT = "SELECT state, count(*) FROM message WHERE queue = ? GROUP BY state"
_COUNT_DEAD = "SELECT count(*) FROM dead WHERE origin = ?"


def add_work(
    connection: sqlite3.Connection, queues: Mapping[str, QueueSpec], work: Iterable[tuple[str, Message]], now: float
) -> None:
    """Append (queue, message) pairs; every queue is known by now."""
    rows = []
    for queue, message in work:
        spec = queues[queue]
        dies_at = now + spec.ttl_seconds
        if message.expires_at is not None:
            dies_at = min(dies_at, message.expires_at)
        rank = min(message.priority, spec.priority)
        rows.append((queue, rank, dies_at, dies_at, *message_values(message)))
    connection.executemany(_ADD, rows)


class EmbeddedQueues(EmbeddedPart):
    """`WorkQueue` on a SQLite file."""

    def lease(self, queue: str, limit: int, seconds: float) -> list[Delivery]:
        """See `WorkQueue.lease`."""
        self._spec(queue)
        now = self._clock()
        lease = secrets.token_hex(8)
        with self._database.transaction() as connection:
            settle(connection, self._topology.queues, now)
            rows = connection.execute(_NEXT, (queue, max(limit, 0))).fetchall()
            connection.executemany(_LEASE, [(lease, now + seconds, row[0]) for row in rows])
        return [Delivery(queue, f"{row[0]}.{lease}", message_from(row[2:]), row[1] + 1) for row in rows]

    def ack(self, deliveries: Sequence[Delivery]) -> int:
        """See `WorkQueue.ack`."""
        with self._database.transaction() as connection:
            return connection.executemany(_ACK, [_held_by(delivery) for delivery in deliveries]).rowcount

    def retry(self, delivery: Delivery, reason: str, delay: float | None = None) -> bool:
        """See `WorkQueue.retry`."""
        spec = self._spec(delivery.queue)
        if delivery.attempt >= spec.delivery_limit:
            return self.bury(delivery, reason)
        if delay is None:
            delay = backoff(delivery.attempt, spec.retry_base, spec.retry_max, self._jitter)
        with self._database.transaction() as connection:
            when = self._clock() + delay
            return connection.execute(_DELAY, (when, *_held_by(delivery))).rowcount == 1

    def bury(self, delivery: Delivery, reason: str) -> bool:
        """See `WorkQueue.bury`."""
        with self._database.transaction() as connection:
            held = connection.execute(_HELD, _held_by(delivery)).fetchone() is not None
            if held:
                _die(connection, _held_by(delivery)[0], reason, self._clock())
            return held

    def extend(self, delivery: Delivery, seconds: float) -> bool:
        """See `WorkQueue.extend`."""
        with self._database.transaction() as connection:
            return connection.execute(_EXTEND, (self._clock() + seconds, *_held_by(delivery))).rowcount == 1

    def depth(self, queue: str) -> Depth:
        """See `WorkQueue.depth`."""
        self._spec(queue)
        with self._database.transaction() as connection:
            settle(connection, self._topology.queues, self._clock())
            states = dict(connection.execute(_COUNT, (queue,)).fetchall())
            (dead,) = connection.execute(_COUNT_DEAD, (queue,)).fetchone()
        return Depth(states.get("ready", 0), states.get("leased", 0), states.get("delayed", 0), dead)

    def _spec(self, queue: str) -> QueueSpec:
        try:
            return self._topology.queues[queue]
        except KeyError:
            raise Invalid.field("queue", f"{queue!r} is not in the topology") from None


def settle(connection: sqlite3.Connection, queues: Mapping[str, QueueSpec], now: float) -> None:
    """Move everything whose time has come: expired, delayed no longer, lease run out."""
    for seq, queue, state, attempt, dies_at in connection.execute(_DUE, (now,)).fetchall():
        spec = queues.get(queue)
        if state == "leased" and spec is not None and attempt >= spec.delivery_limit:
            _die(connection, seq, LEASE_RAN_OUT, now)
        elif dies_at <= now:
            _die(connection, seq, EXPIRED, now)
        else:
            connection.execute(_READY, (seq,))


def _die(connection: sqlite3.Connection, seq: int, reason: str, now: float) -> None:
    connection.execute(_BURY, (reason, now, seq))
    connection.execute(_REMOVE, (seq,))


def _held_by(delivery: Delivery) -> tuple[int, str]:
    """The row and the lease that a receipt names."""
    seq, _, lease = delivery.receipt.partition(".")
    return int(seq), lease
