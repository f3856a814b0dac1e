"""The embedded bus as one thing: publisher, queues, topics and dead letters on the same file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared.bus.doorbell import Bell, Doorbell
from shared.bus.embedded.dead import EmbeddedDeadLetterOffice
from shared.bus.embedded.facts import EmbeddedFacts, add_facts
from shared.bus.embedded.work import EmbeddedQueues, add_work, settle
from shared.bus.port import Message
from shared.errors import Invalid

_NEXT_MESSAGE = "SELECT min(due_at) FROM message"
_TAKE_BACK_WORK = """UPDATE message SET state = 'ready', lease = NULL, due_at = dies_at, attempt = attempt - 1
    WHERE state = 'leased'"""
_TAKE_BACK_FACTS = "UPDATE reader SET receipt = NULL, free_at = ? WHERE receipt IS NOT NULL"
_NEXT_PLACE = "SELECT min(free_at) FROM reader WHERE free_at > ?"


class EmbeddedBus(EmbeddedQueues, EmbeddedFacts, EmbeddedDeadLetterOffice):
    """`Bus` on one SQLite file. Any number of processes and threads may use it at once."""

    def send(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]] = ()) -> None:
        """See `Publisher.send`. One transaction: all of it is sent, or none."""
        self._refuse_unknown(work, facts)
        now = self._clock()
        with self._database.transaction() as connection:
            add_work(connection, self._topology.queues, work, now)
            add_facts(connection, self._topology.topics, facts, now)
        self._ring()

    @contextmanager
    def together(self) -> Iterator[None]:
        """See `Engine.together`: one transaction. What is sent in it rings at once, and may be looked for too early."""
        with self._database.together():
            yield

    def next_wakeup(self) -> float | None:
        """See `Bus.next_wakeup`."""
        now = self._clock()
        with self._database.transaction() as connection:
            settle(connection, self._topology.queues, now)
            (message,) = connection.execute(_NEXT_MESSAGE).fetchone()
            (place,) = connection.execute(_NEXT_PLACE, (now,)).fetchone()
        return min((moment for moment in (message, place) if moment is not None), default=None)

    def bells(self) -> Sequence[Bell]:
        """See `Bus.bells`: the one beside the file."""
        return [Doorbell(self._database.path)]

    def take_back(self) -> int:
        """See `Bus.take_back`."""
        with self._database.transaction() as connection:
            messages = connection.execute(_TAKE_BACK_WORK).rowcount
            return messages + connection.execute(_TAKE_BACK_FACTS, (self._clock(),)).rowcount

    def close(self) -> None:
        """See `Bus.close`."""
        self._database.close()

    def _refuse_unknown(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]]) -> None:
        for queue, _ in work:
            if queue not in self._topology.queues:
                raise Invalid.field("queue", f"{queue!r} is not in the topology")
        for topic, _ in facts:
            if topic not in self._topology.topics:
                raise Invalid.field("topic", f"{topic!r} is not in the topology")
