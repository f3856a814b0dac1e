"""A domain event starts work by itself: each task that the table `shared.coordination.starts` names for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.commerce import PaymentProcessed
from events.event import Event
from shared.coordination.flow import Order, submit
from shared.coordination.reactions import begins, data_of
from shared.coordination.starts import Start, starts_of
from shared.errors import Conflict, TryAgain
from shared.runtime.services import Services

#: Outcomes of the payment_validator after which an order waits for its money.
WAITING = frozenset({"unpaid", "underpaid", "mismatch"})

#: How often a payment that came too early is tried.
PATIENCE = 5


def handle(event: Event, services: Services) -> Iterable[Event]:
    """Start what the event calls for; an event that calls for nothing, or for roles that are yet to come, is done."""
    happened: list[Event] = []
    for start in starts_of(type(event)):
        if begins(start, services.context.source):
            happened += _begin(start, event, services)
    return happened


def _begin(start: Start, event: Any, services: Services) -> list[Event]:
    data = _waiting_order(event, services) if start.again else data_of(start, event, services.context.time)
    if data is None:
        return []
    cause = f"{services.context.source}#{services.context.id}"
    order = Order(start.type, data, role=start.role, masked=event.masked)
    _, events = submit(services, order, cause=cause[:1000], part=f"{start.type}/{start.role}")
    return events


def _waiting_order(event: PaymentProcessed, services: Services) -> dict[str, Any] | None:
    """The data of the order that waits for this payment; None when it waits for none."""
    # A payment may overtake its order: it comes back a few times, then rests where a person finds it.
    early = TryAgain if services.context.attempt < PATIENCE else Conflict
    task = services.history.last_task("order_id", event.order_id, "order")
    if task is None:
        raise early(f"no order {event.order_id!r} is known")
    checked = task.result_of("payment_validator")
    if not task.ended and checked is None:
        raise early(f"the payment of order {event.order_id!r} was not checked before this one came")
    if checked is None or checked["outcome"] not in WAITING:
        return None
    return {**task.data, "payments": [dict(payment) for payment in event.payments]}
