"""A domain event starts work by itself: an order that was placed, a payment that came for a waiting one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from events.commerce import OrderPlaced, PaymentProcessed
from events.event import Event
from shared.coordination.flow import Order, submit
from shared.coordination.reactions import order_data
from shared.errors import Conflict, TryAgain
from shared.runtime.services import Services

#: Outcomes of the payment_validator after which an order waits for its money.
WAITING = frozenset({"unpaid", "underpaid", "mismatch"})

#: How often a payment that came too early is tried.
PATIENCE = 5


def handle(event: Event, services: Services) -> Iterable[Event]:
    """Start what the event calls for; an event that calls for nothing is done at once."""
    reaction = REACTIONS.get(type(event))
    return reaction(event, services) if reaction else ()


def _order_placed(event: OrderPlaced, services: Services) -> list[Event]:
    return _submit(services, order_data(event), event.masked)


def _payment_processed(event: PaymentProcessed, services: Services) -> list[Event]:
    # A payment may overtake its order: it comes back a few times, then rests where a person finds it.
    early = TryAgain if services.context.attempt < PATIENCE else Conflict
    task = services.history.last_task("order_id", event.order_id, "order")
    if task is None:
        raise early(f"no order {event.order_id!r} is known")
    if not task.ended and task.result_of("payment_validator") is None:
        raise early(f"the payment of order {event.order_id!r} was not checked before this one came")
    checked = task.result_of("payment_validator")
    if checked is None or checked["outcome"] not in WAITING:
        return []
    return _submit(services, {**task.data, "payments": [dict(payment) for payment in event.payments]}, event.masked)


def _submit(services: Services, data: dict[str, object], masked: tuple[str, ...]) -> list[Event]:
    cause = f"{services.context.source}#{services.context.id}"
    _, events = submit(services, Order("order", data, masked=masked), cause=cause[:1000])
    return events


REACTIONS: Mapping[type[Event], Callable[..., list[Event]]] = {
    OrderPlaced: _order_placed,
    PaymentProcessed: _payment_processed,
}
