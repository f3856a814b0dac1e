"""What must be done now and then, in the thread of the bus: send what a crash left, forget what is old, show facts."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from shared.bus.port import Bus, Record
from shared.runtime.relay import relay
from shared.runtime.retention import forget
from shared.settings import CONTEXTS

log = logging.getLogger("chores")

RELAY_SECONDS = 5.0
FORGET_SECONDS = 3600.0
#: The shortest time between two looks for facts to show: many at once cost little more than one. Seconds.
SHOW_SECONDS = 0.25
LIVE_GROUP = "live-view"


class Chores:
    """Called in every round of a bridge; does what is due. Several bridges may do them side by side."""

    def __init__(self, bus: Bus, *, alone: bool = True) -> None:
        """`alone`: at the start nobody else sends, so that everything unsent is a crash's."""
        self._bus = bus
        self._older_than = timedelta(seconds=0 if alone else RELAY_SECONDS)
        self._relay_at = 0.0
        self._forget_at = time.monotonic() + FORGET_SECONDS

    def __call__(self) -> float:
        """One look; for how many seconds there is nothing to do. Raises `TryAgain` when the bus cannot be used."""
        now = time.monotonic()
        if now >= self._relay_at:
            self._relay_at = now + RELAY_SECONDS
            for context in CONTEXTS:
                sent = relay(context, self._bus, older_than=self._older_than)
                if sent:
                    log.warning("sent %d events of %s that had been left", sent, context)
            self._older_than = timedelta(seconds=RELAY_SECONDS)
        if now >= self._forget_at:
            self._forget_at = now + FORGET_SECONDS
            for context in CONTEXTS:
                forget(context)
            self._bus.sweep()
        return min(self._relay_at, self._forget_at) - now


class Show:
    """Called in every round of the host's own bridge: tells of every fact that came."""

    def __init__(self, bus: Bus, topics: Sequence[str], on_fact: Callable[[Record], None]) -> None:
        """`on_fact` hears every fact once."""
        self._bus = bus
        self._topics = topics
        self._on_fact = on_fact
        self._look_at = 0.0

    def __call__(self) -> float:
        """One look, unless it is too early for it; after how many seconds it wants another, whatever comes. Raises
        `TryAgain` when the bus cannot be used."""
        now = time.monotonic()
        if now < self._look_at:
            return self._look_at - now
        self._look_at = now + SHOW_SECONDS
        with self._bus.together():
            records = self._bus.read(self._topics, LIVE_GROUP, 200, 10.0)
            if records:  # shown once at most: those who look can look again
                self._bus.commit(LIVE_GROUP, records)
        for record in records:
            self._on_fact(record)
        return SHOW_SECONDS if records else math.inf
