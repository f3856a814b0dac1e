"""Commerce: products, orders, payments, shipping."""

from __future__ import annotations

from pydantic import Field

from events.event import Event
from events.fields import Amount, Currency, Id, Json, Line


class OrderPlaced(Event):
    """A customer ordered. `order` holds the whole order in the field names of a task's data; `masked` what the front
    door masked in it that nobody may keep, like "card in order.note"."""

    TOPIC = "domain.orders"
    order_id: Id
    amount: Amount
    currency: Currency
    customer_id: Id | None = None
    email: Line = ""
    order: Json = Field(default_factory=dict)
    masked: tuple[Line, ...] = ()


class PaymentProcessed(Event):
    """A payment provider answered for an order; `payments` is the whole present list of that order's payments;
    `masked` as in OrderPlaced."""

    TOPIC = "domain.orders"
    order_id: Id
    payment_id: Id
    amount: Amount
    currency: Currency
    status: Line
    payments: tuple[Json, ...] = ()
    masked: tuple[Line, ...] = ()


class ProductUpdated(Event):
    """A product's data changed."""

    TOPIC = "domain.products"
    product_id: Id
    sku: Line = ""
    changed: tuple[Line, ...] = ()
    attributes: Json = Field(default_factory=dict)
