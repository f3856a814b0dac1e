"""Facts become what portals see at once: entries of the live view."""

from __future__ import annotations

from collections.abc import Iterable

from events.event import Event
from shared.live.entries import Entry, entries_of
from shared.runtime.services import Services


def handle(event: Event, services: Services) -> Iterable[Entry]:  # noqa: ARG001  # the contract's form
    """Show it where somebody may look; most facts of other rooms are shown nowhere."""
    return entries_of(event)
