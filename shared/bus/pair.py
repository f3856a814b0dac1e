"""Two engines as one bus: one does the work, the other keeps the facts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager

from events.topology import Topology
from shared.bus.doorbell import Bell
from shared.bus.port import (
    DeadLetter,
    DeadLetters,
    Delivery,
    Depth,
    Engine,
    FactEngine,
    Message,
    NotSent,
    Record,
    WorkEngine,
)
from shared.errors import Invalid, NotFound, TryAgain

_WORK, _FACTS = "work-", "fact-"  # what a dead letter's id begins with says whose it is


class PairBus:
    """`Bus` of an engine for work and one for facts. While one is down, the other's half goes on."""

    def __init__(self, work: WorkEngine, facts: FactEngine, topology: Topology) -> None:
        """Both are of that topology; neither is opened before its first call."""
        self._work = work
        self._facts = facts
        self._topology = topology

    def send(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]] = ()) -> None:
        """See `Publisher.send`. What one engine cannot take keeps nothing from the other: raises `NotSent`."""
        for queue, _ in work:
            _known(queue, self._topology.queues, "queue")
        for topic, _ in facts:
            _known(topic, self._topology.topics, "topic")
        unsent: set[str] = set()
        errors: list[TryAgain] = []
        for engine, own in ((self._work, (work, ())), (self._facts, ((), facts))):
            if any(own):
                try:
                    engine.send(*own)
                except TryAgain as error:
                    errors.append(error)
                    unsent |= error.ids if isinstance(error, NotSent) else {m.id for part in own for _, m in part}
        if errors:
            told = "; ".join(error.detail for error in errors)
            raise NotSent(told, unsent, retry_after=errors[0].retry_after) from errors[0]

    def close(self) -> None:
        """See `Publisher.close`."""
        self._work.close()
        self._facts.close()

    def lease(self, queue: str, limit: int, seconds: float) -> list[Delivery]:
        """See `WorkQueue.lease`."""
        return self._work.lease(queue, limit, seconds)

    def ack(self, deliveries: Sequence[Delivery]) -> int:
        """See `WorkQueue.ack`."""
        return self._work.ack(deliveries)

    def retry(self, delivery: Delivery, reason: str, delay: float | None = None) -> bool:
        """See `WorkQueue.retry`."""
        return self._work.retry(delivery, reason, delay)

    def bury(self, delivery: Delivery, reason: str) -> bool:
        """See `WorkQueue.bury`."""
        return self._work.bury(delivery, reason)

    def extend(self, delivery: Delivery, seconds: float) -> bool:
        """See `WorkQueue.extend`."""
        return self._work.extend(delivery, seconds)

    def depth(self, queue: str) -> Depth:
        """See `WorkQueue.depth`."""
        return self._work.depth(queue)

    def read(self, topics: Sequence[str], group: str, limit: int, seconds: float) -> list[Record]:
        """See `FactLog.read`."""
        return self._facts.read(topics, group, limit, seconds)

    def commit(self, group: str, records: Sequence[Record]) -> int:
        """See `FactLog.commit`."""
        return self._facts.commit(group, records)

    def release(self, group: str, records: Sequence[Record], delay: float = 0.0) -> None:
        """See `FactLog.release`."""
        self._facts.release(group, records, delay)

    def skip(self, group: str, record: Record, reason: str) -> bool:
        """See `FactLog.skip`."""
        return self._facts.skip(group, record, reason)

    def lag(self, group: str) -> dict[str, int]:
        """See `FactLog.lag`."""
        return self._facts.lag(group)

    def forget(self, group: str) -> None:
        """See `FactLog.forget`."""
        self._facts.forget(group)

    def sweep(self) -> int:
        """See `FactLog.sweep`."""
        return self._facts.sweep()

    def dead_letters(self, origin: str, limit: int = 50, cursor: str | None = None) -> DeadLetters:
        """See `DeadLetterOffice.dead_letters`."""
        engine, mark = (self._facts, _FACTS) if origin in self._topology.topics else (self._work, _WORK)
        page = engine.dead_letters(origin, limit, cursor)
        return DeadLetters([_marked(letter, mark) for letter in page.items], page.next_cursor)

    def replay(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.replay`."""
        return self._decide(dead_id, lambda engine, own: engine.replay(own))

    def discard(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.discard`."""
        return self._decide(dead_id, lambda engine, own: engine.discard(own))

    @contextmanager
    def together(self) -> Iterator[None]:
        """See `Engine.together`."""
        with self._work.together(), self._facts.together():
            yield

    def next_wakeup(self) -> float | None:
        """See `Engine.next_wakeup`: the earlier of the two."""
        moments = (self._work.next_wakeup(), self._facts.next_wakeup())
        return min((moment for moment in moments if moment is not None), default=None)

    def bells(self) -> Sequence[Bell]:
        """See `Engine.bells`: those of both."""
        return [*self._work.bells(), *self._facts.bells()]

    def take_back(self) -> int:
        """See `Engine.take_back`."""
        return self._work.take_back() + self._facts.take_back()

    def _decide(self, dead_id: str, act: Callable[[Engine, str], DeadLetter]) -> DeadLetter:
        for engine, mark in ((self._work, _WORK), (self._facts, _FACTS)):
            if dead_id.startswith(mark):
                return _marked(act(engine, dead_id.removeprefix(mark)), mark)
        raise NotFound(f"no dead letter has the id {dead_id}")


def _marked(letter: DeadLetter, mark: str) -> DeadLetter:
    return dataclasses.replace(letter, id=mark + letter.id)


def _known(name: str, names: Container[str], kind: str) -> None:
    if name not in names:
        raise Invalid.field(kind, f"{name!r} is not in the topology")
