"""The bus as the rest of the house sees it: what is sent, what is received, and what every engine promises.

Work goes to queues (exactly one doer), facts to topics (many groups of readers). Delivery is at least once:
whoever consumes is idempotent. Times are seconds since the epoch. An engine that cannot be reached, is locked
or is full raises `TryAgain`: the embedded one has then done nothing, another may have sent a part of what it was to
send, or not know; where it knows what it has sent, it raises `NotSent`. An unknown queue or topic is `Invalid` and is
named, and nothing was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from shared.bus.doorbell import Bell
from shared.errors import Invalid, TryAgain

# Reasons that the bus itself gives for a death; the others come from the consumer.
EXPIRED = "expired"
LEASE_RAN_OUT = "lease ran out"


@dataclass(frozen=True)
class Message:
    """What travels. `id` is the event's; `key` decides a fact's partition (by `id` when it is empty).

    A higher `priority` (0-255) is leased first; what exceeds the queue's own priority counts as that. An engine may
    know fewer levels, or rank only what it holds (RabbitMQ's quorum queues).
    `expires_at` can only shorten the queue's time to live, and means nothing on a topic.
    """

    id: str
    body: bytes
    content_type: str = "application/cloudevents+json"
    key: str = ""
    priority: int = 0
    expires_at: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.id:
            raise Invalid.field("id", "a message needs an id")
        if not 0 <= self.priority <= 255:
            raise Invalid.field("priority", "must be between 0 and 255")


@dataclass(frozen=True)
class Delivery:
    """A message leased from a queue. `attempt` counts its deliveries from 1; `receipt` proves the lease."""

    queue: str
    receipt: str
    message: Message
    attempt: int


@dataclass(frozen=True)
class Record:
    """A fact read from a topic. Offsets grow within a partition; `receipt` proves the partition's lease. `taken_at` is
    when the engine took it, by the engine's own clock; None where only the sender said so."""

    topic: str
    partition: int
    offset: int
    message: Message
    receipt: str
    taken_at: float | None = None


@dataclass(frozen=True)
class DeadLetter:
    """A message that will not be tried again. `origin` is its queue or topic, `group` the group that skipped it."""

    id: str
    origin: str
    message: Message
    reason: str
    attempts: int
    died_at: float
    group: str = ""


@dataclass(frozen=True)
class DeadLetters:
    """One page, newest first; `next_cursor` is None on the last."""

    items: Sequence[DeadLetter]
    next_cursor: str | None


@dataclass(frozen=True)
class Depth:
    """How many messages of a queue wait, are held, wait for their next attempt, and are dead."""

    ready: int
    leased: int
    delayed: int
    dead: int


class NotSent(TryAgain):
    """Raised by `send` where it is known of each message whether it is safe: those of these ids may not be, all others
    of the call are."""

    def __init__(self, detail: str, ids: Iterable[str], *, retry_after: float | None = None) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.ids = frozenset(ids)


class Publisher(Protocol):
    """Sends. The embedded engine sends a call's messages all or none; others confirm every one of them."""

    def send(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]] = ()) -> None:
        """Send (queue, message) and (topic, message) pairs; they are durable when this returns. Raises `NotSent` or
        `TryAgain` when some of them, or all, may not be."""
        ...

    def close(self) -> None:
        """Let go of connections; the next call opens them again."""
        ...


class WorkQueue(Protocol):
    """Leases work. What acts on a delivery says whether the lease still held; if not, it changed nothing.

    A message is in exactly one place: ready, leased, delayed, done or dead. A lease that runs out is
    redelivered and counts as an attempt. Time to live ends a message that waits, never one that is leased.
    A broker behind a network knows a lease by its connection: when that breaks, the lease is over at once, and the
    message comes again as the same attempt; what is redelivered may come behind younger ones.
    """

    def lease(self, queue: str, limit: int, seconds: float) -> list[Delivery]:
        """Up to `limit` messages, the highest priority first, then the oldest; nobody else gets them meanwhile."""
        ...

    def ack(self, deliveries: Sequence[Delivery]) -> int:
        """They are done. Returns how many were still held."""
        ...

    def retry(self, delivery: Delivery, reason: str, delay: float | None = None) -> bool:
        """Back to the queue after `delay` (the queue's backoff when None); dead after the delivery limit."""
        ...

    def bury(self, delivery: Delivery, reason: str) -> bool:
        """Straight to the dead letters: trying again would not help."""
        ...

    def extend(self, delivery: Delivery, seconds: float) -> bool:
        """Hold it for `seconds` from now."""
        ...

    def depth(self, queue: str) -> Depth:
        """The queue's counts."""
        ...


class FactLog(Protocol):
    """Reads topics by groups: each group gets every fact, in order within a partition, from the earliest on.

    A partition is leased to one reader of a group at a time, until what it read is committed, released, or
    its time is over. `commit`, `release` and `skip` by a reader whose lease went to another change nothing.
    """

    def read(self, topics: Sequence[str], group: str, limit: int, seconds: float) -> list[Record]:
        """Up to `limit` facts that follow the group's last commit, from partitions that no other reader holds.

        A reader that has no room reads with a `limit` of 0, every few seconds: a broker may take one that does not
        for gone. A broker shares the partitions among those who read, so a new reader has none at first.
        """
        ...

    def commit(self, group: str, records: Sequence[Record]) -> int:
        """These and all before them in their partitions are handled. Returns how many were still held."""
        ...

    def release(self, group: str, records: Sequence[Record], delay: float = 0.0) -> None:
        """Hand their partitions back; what is not committed is read again, `delay` seconds from now."""
        ...

    def skip(self, group: str, record: Record, reason: str) -> bool:
        """Commit a fact that the group can never handle (and all before it, as `commit` does), keeping it as a
        dead letter of its topic."""
        ...

    def lag(self, group: str) -> dict[str, int]:
        """For each topic that the group has read: how many facts it has yet to commit."""
        ...

    def forget(self, group: str) -> None:
        """The group is gone for good: its offsets are dropped."""
        ...

    def sweep(self) -> int:
        """Delete facts past their topic's retention that no group waits for. Returns how many."""
        ...


class DeadLetterOffice(Protocol):
    """What died is kept until an operator replays or discards it."""

    def dead_letters(self, origin: str, limit: int = 50, cursor: str | None = None) -> DeadLetters:
        """One page of what died in the queue or topic `origin`."""
        ...

    def replay(self, dead_id: str) -> DeadLetter:
        """Send it to its origin again, as new (a fact reaches all groups again). NotFound if it is not there."""
        ...

    def discard(self, dead_id: str) -> DeadLetter:
        """Forget it; the caller keeps the record of who did so. NotFound if it is not there."""
        ...


class Engine(Publisher, DeadLetterOffice, Protocol):
    """What every engine has, whether it does work, facts or both."""

    def together(self) -> AbstractContextManager[None]:
        """For a block of calls by this thread, which may be done as one: an engine that pays for each transaction
        pays once, and others wait meanwhile, so nothing slow belongs into it. When the block raises, or its end
        raises `TryAgain`, nothing is known of what it told the bus: tell it again; what it leased or read is nobody's.
        A refusal within the block is a refusal of all of it, where calls are done as one.
        """
        ...

    def next_wakeup(self) -> float | None:
        """When something next becomes ready by itself (a delay, a lease or a time to live ends), None if never.

        What is ready already, or is sent later, is not in it: lease first, listen to the bells, sleep until then.
        Where it comes by itself (a broker delivers what becomes ready) it rings instead, and is not in it either.
        """
        ...

    def bells(self) -> Sequence[Bell]:
        """What rings when there may be something to lease or read, for the one who consumes: listen to them all, and
        close them at the end. What rings may be nothing, and what comes may not ring: look now and then."""
        ...

    def take_back(self) -> int:
        """End every lease, of messages and of partitions, without counting an attempt; returns how many.

        For the one consumer of a bus, when it starts and those before it are known to be dead. An engine that ends
        the leases of a broken connection by itself has none to take back.
        """
        ...


class WorkEngine(Engine, WorkQueue, Protocol):
    """An engine for work: sending facts to it is Invalid."""


class FactEngine(Engine, FactLog, Protocol):
    """An engine for facts: sending work to it is Invalid."""


class Bus(WorkEngine, FactEngine, Protocol):
    """All of it: one engine, or a pair joined."""
