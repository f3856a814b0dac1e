"""The topics' half of the bus as one thing: sends facts, reads them by groups, keeps what died."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from events.topology import TOPOLOGY, Topology
from shared.bus.doorbell import Bell, InnerBell
from shared.bus.kafka.address import KafkaAddress
from shared.bus.kafka.dead import KafkaDeadLetters
from shared.bus.kafka.facts import KafkaReader
from shared.bus.kafka.publish import KafkaSender
from shared.bus.port import Message
from shared.errors import Invalid


class KafkaFacts(KafkaReader, KafkaDeadLetters):
    """`FactEngine`: `Publisher` (facts only), `FactLog` and the topics' half of `DeadLetterOffice`, on Kafka.

    Nothing is connected before the first call; `close` lets go of all of it.
    """

    def __init__(
        self,
        address: KafkaAddress,
        topology: Topology = TOPOLOGY,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since the epoch."""
        self._bell: InnerBell | None = None
        sender = KafkaSender(address, topology)
        KafkaReader.__init__(self, address, topology, sender, ring=self._ring_bell, clock=clock)
        KafkaDeadLetters.__init__(self, address, topology, sender)

    def send(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]] = ()) -> None:
        """See `Publisher.send`. Invalid for work: Kafka has topics only."""
        if work:
            raise Invalid.field("queue", f"{work[0][0]!r}: Kafka carries facts only")
        self._sender.send_facts(facts)

    def together(self) -> AbstractContextManager[None]:
        """See `Engine.together`: here each call stands alone."""
        return nullcontext()

    def next_wakeup(self) -> float | None:
        """See `Bus.next_wakeup`: when a lease or a pause of a partition ends, and soon while a group settles."""
        now = self._clock()
        with self._lock:
            return min((moment for moment in self.moments(now) if moment > now), default=None)

    def bells(self) -> Sequence[Bell]:
        """See `Bus.bells`: one, which rings when facts came for a group that was read."""
        if self._bell is None:
            self._bell = InnerBell()
        return [self._bell]

    def _ring_bell(self) -> None:
        if self._bell is not None:
            self._bell.ring()

    def take_back(self) -> int:
        """Nothing: a member that dies loses its partitions by itself, when its session ends."""
        return 0

    def close(self) -> None:
        """See `Publisher.close`."""
        self.leave()
        self.close_office()
        self._sender.close()
