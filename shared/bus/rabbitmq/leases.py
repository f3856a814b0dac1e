"""What one consumer has of a queue: what came and waits, what is leased, and until when. No network in here."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.topology import QueueSpec
from shared.bus.port import Delivery
from shared.bus.rabbitmq.wire import Parcel, read_parcel


@dataclass(order=True)
class Arrival:
    """One delivery of the broker's: the higher priority first, then the older."""

    order: tuple[int, int]
    tag: int = field(compare=False)
    parcel: Parcel = field(compare=False)


@dataclass
class Lease:
    """An arrival that somebody works on until `until`. `lane` is the channel that must hear of it."""

    lane: Lane
    arrival: Arrival
    delivery: Delivery
    until: float


class Lane:
    """The deliveries of one channel that consumes one queue. When the channel ends, so does the lane."""

    def __init__(self, spec: QueueSpec, channel: Any, serial: int) -> None:
        self.spec = spec
        self.channel = channel
        self.serial = serial
        self.consumer_tag = ""
        self.paused = True  # until the broker says that it consumes, and while nobody leases
        self.waiting: list[Arrival] = []
        self._unanswered: dict[int, None] = {}  # tags in the order in which they came
        self._heard_at = time.time()

    def arrive(self, tag: int, properties: Any, body: bytes, now: float) -> None:
        """Keep a delivery until somebody leases it."""
        rank = min(properties.priority or 0, self.spec.priority)
        parcel = read_parcel(properties, body, self.spec, now)
        self._unanswered[tag] = None
        self._heard_at = now
        heapq.heappush(self.waiting, Arrival((-rank, tag), tag, parcel))

    def quiet_since(self) -> float | None:
        """Since when nothing came, where nothing is open either."""
        return None if self._unanswered else self._heard_at

    def take(self) -> Arrival:
        """The next one. IndexError when there is none."""
        return heapq.heappop(self.waiting)

    def answered(self, tags: Iterable[int]) -> Sequence[tuple[int, bool]]:
        """They are over: the (tag, multiple) to acknowledge them with, in one where nothing older is open."""
        tags = sorted(tags)
        for tag in tags:
            self._unanswered.pop(tag, None)
        if tags and (not self._unanswered or next(iter(self._unanswered)) > tags[-1]):
            return [(tags[-1], True)]
        return [(tag, False) for tag in tags]

    def give_back(self) -> list[int]:
        """The tags of all that waits, which nobody wants: they are somebody else's now."""
        tags = [arrival.tag for arrival in self.waiting]
        self.waiting.clear()
        for tag in tags:
            self._unanswered.pop(tag, None)
        return tags
