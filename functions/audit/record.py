"""Every fact, once, into the record of its tenant."""

from __future__ import annotations

from collections.abc import Iterable

from events.event import Event
from events.jsontext import canonical
from shared.coordination.record import Entry
from shared.runtime.services import Services


def handle(event: Event, services: Services) -> Iterable[Event]:
    """Append the fact to its tenant's chain."""
    context = services.context
    services.record.add(
        Entry(
            tenant=context.tenant,
            source=context.source,
            event_id=context.id,
            type=event.wire_type(),
            time=context.time,
            actor=context.actor,
            task_id=str(getattr(event, "task_id", "")),
            correlation=context.correlation,
            causation=context.causation,
            data=canonical(event.model_dump(mode="json")),
        )
    )
    return ()
