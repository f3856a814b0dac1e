"""Work on RabbitMQ: sending, leasing, dead letters. Each opens its connection when it is first used."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from events.topology import QueueSpec, Topology
from shared.bus.backoff import backoff
from shared.bus.doorbell import Bell, InnerBell
from shared.bus.port import DeadLetter, DeadLetters, Delivery, Depth, Message
from shared.bus.rabbitmq.address import parse_address
from shared.bus.rabbitmq.consumer import Consumer
from shared.bus.rabbitmq.dead import DeadLetterQueues, as_new, ready
from shared.bus.rabbitmq.layout import retry_queues
from shared.bus.rabbitmq.moves import buried, retried
from shared.bus.rabbitmq.sender import Sender
from shared.bus.rabbitmq.session import Session
from shared.errors import Invalid

PREFETCH = 100


class RabbitBus:
    """`WorkBus` on a RabbitMQ whose queues are declared (`scripts/topology`). Any thread may send and look, they
    take turns; one thread leases.

    Its counts of what is leased, and its next wake-up, are of what this bus itself holds: the broker tells no more.
    """

    def __init__(self, url: str, topology: Topology, *, prefetch: int = PREFETCH) -> None:
        """`url` is `amqp://user:password@host:port/vhost`; `prefetch` is how many messages of a queue the broker hands
        this bus before it acknowledges, so the most that it can lease at once. Nothing is opened yet."""
        self._address = parse_address(url)
        self._queues: Mapping[str, QueueSpec] = topology.queues
        self._prefetch = prefetch
        self._session = Session(self._address, "sender")
        self._sender = Sender(self._session, self._queues)
        self._dead = DeadLetterQueues(self._session, self._queues)
        self._bell: InnerBell | None = None
        self._consumer: Consumer | None = None
        self._process = os.getpid()

    # --- sending ------------------------------------------------------------------------------------

    def send(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]] = ()) -> None:
        """See `Publisher.send`. Facts are Invalid here."""
        for queue, _ in work:
            self._spec(queue)
        for topic, _ in facts:
            raise Invalid.field("topic", f"{topic!r} is not in the topology of the engine for work")
        if work:
            self._sender.send(work)

    def close(self) -> None:
        """See `Publisher.close`."""
        self._session.close()
        consumer, self._consumer = self._own_consumer(), None
        if consumer is not None:
            consumer.close()

    # --- leasing ------------------------------------------------------------------------------------

    def lease(self, queue: str, limit: int, seconds: float) -> list[Delivery]:
        """See `WorkQueue.lease`. What is on its way here rings when it comes; the first call waits for a connection."""
        self._spec(queue)
        return self._leases().lease(queue, limit, seconds)

    def ack(self, deliveries: Sequence[Delivery]) -> int:
        """See `WorkQueue.ack`."""
        return self._leases().ack(deliveries) if deliveries else 0

    def retry(self, delivery: Delivery, reason: str, delay: float | None = None) -> bool:
        """See `WorkQueue.retry`."""
        spec = self._spec(delivery.queue)
        wait = backoff(delivery.attempt, spec.retry_base, spec.retry_max, random.random) if delay is None else delay
        return self._leases().move(delivery, lambda lease: retried(lease, reason, wait, time.time()))

    def bury(self, delivery: Delivery, reason: str) -> bool:
        """See `WorkQueue.bury`."""
        return self._leases().move(delivery, lambda lease: buried(lease, reason, time.time()))

    def extend(self, delivery: Delivery, seconds: float) -> bool:
        """See `WorkQueue.extend`."""
        return self._leases().extend(delivery, seconds)

    def depth(self, queue: str) -> Depth:
        """See `WorkQueue.depth`."""
        spec = self._spec(queue)
        consumer = self._own_consumer()
        waiting, leased = consumer.count(queue) if consumer else (0, 0)
        with self._session.turn():
            delayed = sum(ready(self._session, name) for name in retry_queues(spec))
            waiting += ready(self._session, queue)
            return Depth(waiting, leased, delayed, ready(self._session, spec.dead_letter))

    # --- dead letters -------------------------------------------------------------------------------

    def dead_letters(self, origin: str, limit: int = 50, cursor: str | None = None) -> DeadLetters:
        """See `DeadLetterOffice.dead_letters`."""
        with self._session.turn():
            return self._dead.page(origin, limit, cursor)

    def replay(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.replay`. A crash between its two steps leaves it in both places."""
        with self._session.turn():
            return self._dead.remove(dead_id, lambda letter: self.send([(letter.origin, as_new(letter).message)]))

    def discard(self, dead_id: str) -> DeadLetter:
        """See `DeadLetterOffice.discard`."""
        with self._session.turn():
            return self._dead.remove(dead_id, lambda _letter: None)

    # --- waking -------------------------------------------------------------------------------------

    def bells(self) -> Sequence[Bell]:
        """See `Bus.bells`: one, which rings when something came to a queue that is leased from."""
        self._bell = self._bell or InnerBell()
        return [self._bell]

    def together(self) -> AbstractContextManager[None]:
        """See `Engine.together`: here each call stands alone."""
        return nullcontext()

    def next_wakeup(self) -> float | None:
        """See `Bus.next_wakeup`: the end of a lease. Whatever else becomes ready arrives, and rings."""
        consumer = self._own_consumer()
        return consumer.next_end() if consumer else None

    def take_back(self) -> int:
        """See `Bus.take_back`: none, the broker ends the leases of the dead."""
        return 0

    def _spec(self, queue: str) -> QueueSpec:
        try:
            return self._queues[queue]
        except KeyError:
            raise Invalid.field("queue", f"{queue!r} is not in the topology") from None

    def _leases(self) -> Consumer:
        consumer = self._own_consumer()
        if consumer is None:
            consumer = Consumer(self._address, self._queues, self._prefetch, self._ring)
            self._process, self._consumer = os.getpid(), consumer
        return consumer

    def _own_consumer(self) -> Consumer | None:
        """The consumer, where there is one; that from before a fork is the other side's."""
        return self._consumer if self._process == os.getpid() else None

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.ring()
