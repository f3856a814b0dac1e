"""What must be done now and then, in the thread of the bus: send what a crash left, forget what is old."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from shared.bus.port import Bus, Record
from shared.runtime.outbox import relay
from shared.runtime.retention import forget
from shared.settings import CONTEXTS

log = logging.getLogger("chores")

RELAY_SECONDS = 5.0
FORGET_SECONDS = 3600.0
LIVE_GROUP = "live-view"


class Chores:
    """Called in every round of the bridge; does what is due."""

    def __init__(self, bus: Bus, topics: Sequence[str], on_fact: Callable[[Record], None]) -> None:
        """`on_fact` hears every fact once."""
        self._bus = bus
        self._topics = topics
        self._on_fact = on_fact
        self._relay_at = 0.0
        self._forget_at = time.monotonic() + FORGET_SECONDS

    def __call__(self) -> None:
        """One look. Raises `TryAgain` when the bus cannot be used."""
        self._show()
        now = time.monotonic()
        if now >= self._relay_at:
            # At the start nobody else is sending: everything unsent is a crash's.
            older = timedelta(seconds=RELAY_SECONDS if self._relay_at else 0)
            self._relay_at = now + RELAY_SECONDS
            for context in CONTEXTS:
                sent = relay(context, self._bus, older_than=older)
                if sent:
                    log.warning("sent %d events of %s that a crash had left", sent, context)
        if now >= self._forget_at:
            self._forget_at = now + FORGET_SECONDS
            for context in CONTEXTS:
                forget(context)
            self._bus.sweep()

    def _show(self) -> None:
        with self._bus.together():
            records = self._bus.read(self._topics, LIVE_GROUP, 200, 10.0)
            if records:  # shown once at most: those who look can look again
                self._bus.commit(LIVE_GROUP, records)
        for record in records:
            self._on_fact(record)
