"""The dead-letter office of the embedded bus: look, replay, discard."""

# Statements are joined from the constants of this room, never from data.
from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from typing import Any

from shared.bus.embedded.base import EmbeddedPart
from shared.bus.embedded.facts import add_facts
from shared.bus.embedded.rows import message_from
from shared.bus.embedded.schema import MESSAGE
from shared.bus.embedded.work import add_work, settle
from shared.bus.port import DeadLetter, DeadLetters
from shared.errors import Invalid, NotFound

_COLUMNS = f"of_topic, seq, origin, reader_group, reason, attempts, died_at, {MESSAGE}"
_PAGE = f"SELECT {_COLUMNS} FROM dead WHERE origin = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
_ONE = f"SELECT {_COLUMNS} FROM dead WHERE seq = ?"
_REMOVE = "DELETE FROM dead WHERE seq = ?"
_AFTER_ALL = 2**63 - 1


class EmbeddedDeadLetterOffice(EmbeddedPart):
    """`DeadLetterOffice` on a SQLite file."""

    def dead_letters(self, origin: str, limit: int = 50, cursor: str | None = None) -> DeadLetters:
        """See `DeadLetterOffice.dead_letters`."""
        if limit < 1:
            raise Invalid.field("limit", "must be at least 1")
        before = _AFTER_ALL if cursor is None else _number(cursor, "cursor")
        with self._database.transaction() as connection:
            settle(connection, self._topology.queues, self._clock())
            rows = connection.execute(_PAGE, (origin, before, limit + 1)).fetchall()
        known = origin in self._topology.queues or origin in self._topology.topics
        if not (rows or known):  # what died in a queue that is no more can still be seen
            raise Invalid.field("origin", f"{origin!r} is not in the topology")
        items = [_dead_letter(row) for row in rows[:limit]]
        return DeadLetters(items, items[-1].id if len(rows) > limit else None)

    def replay(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.replay`. Its time to live starts anew; an `expires_at` that has passed is dropped."""
        now = self._clock()
        with self._database.transaction() as connection:
            of_topic, letter = _take(connection, dead_id)
            self._send_again(connection, letter, of_topic, now)
        self._ring()
        return letter

    def discard(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.discard`."""
        with self._database.transaction() as connection:
            return _take(connection, dead_id)[1]

    def _send_again(self, connection: sqlite3.Connection, letter: DeadLetter, of_topic: bool, now: float) -> None:
        message = letter.message
        if message.expires_at is not None and message.expires_at <= now:
            message = dataclasses.replace(message, expires_at=None)
        known = self._topology.topics if of_topic else self._topology.queues
        if letter.origin not in known:
            raise Invalid.field("origin", f"{letter.origin!r} is not in the topology any more")
        if of_topic:
            add_facts(connection, self._topology.topics, [(letter.origin, message)], now)
        else:
            add_work(connection, self._topology.queues, [(letter.origin, message)], now)


def _take(connection: sqlite3.Connection, dead_id: str) -> tuple[bool, DeadLetter]:
    """Remove it: whether it came from a topic, and what it was."""
    seq = int(dead_id) if _is_seq(dead_id) else 0  # rows count from 1
    row = connection.execute(_ONE, (seq,)).fetchone()
    if row is None:
        raise NotFound(f"no dead letter has the id {dead_id}")
    connection.execute(_REMOVE, (seq,))
    return bool(row[0]), _dead_letter(row)


def _dead_letter(row: Sequence[Any]) -> DeadLetter:
    _of_topic, seq, origin, group, reason, attempts, died_at, *message = row
    return DeadLetter(str(seq), origin, message_from(message), reason, attempts, died_at, group)


def _is_seq(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19  # what SQLite counts up to has 19 digits


def _number(text: str, field: str) -> int:
    if not _is_seq(text):
        raise Invalid.field(field, "is not one that this bus gave")
    return int(text)
