"""What a domain event means as work: the data of the task that it starts."""

from __future__ import annotations

from typing import Any

from events.commerce import OrderPlaced
from events.event import Event
from shared.coordination.tenants import Tenants


def order_data(event: OrderPlaced) -> dict[str, Any]:
    """The data of an order's task: what the shop sent, under the event's own id, amount and customer."""
    data = {
        **event.order,
        "order_id": event.order_id,
        "amount": format(event.amount, "f"),
        "currency": event.currency,
    }
    if event.email:
        data["email"] = event.email
    if event.customer_id:
        data["customer_id"] = event.customer_id
    return data


def check(event: Event, tenants: Tenants, tenant: str) -> None:
    """Whether the work that an event starts could begin: who sends it should hear of a bad field, not find it among
    the dead letters. Raises `Invalid` naming every one."""
    from shared.escalation.classify import check as check_fields

    if isinstance(event, OrderPlaced):
        check_fields("order", order_data(event), tenants.policy(tenant))
