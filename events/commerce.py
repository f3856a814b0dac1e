"""Commerce: products, orders, payments, shipping."""

from __future__ import annotations

from pydantic import Field

from events.event import DomainEvent
from events.fields import Amount, Currency, Id, Json, Line


class OrderPlaced(DomainEvent):
    """A customer ordered. `order` holds the whole order in the field names of a task's data."""

    TOPIC = "domain.orders"
    order_id: Id
    amount: Amount
    currency: Currency
    customer_id: Id | None = None
    email: Line = ""
    order: Json = Field(default_factory=dict)


class PaymentProcessed(DomainEvent):
    """A payment provider answered for an order; `payments` is the whole present list of that order's payments."""

    TOPIC = "domain.orders"
    order_id: Id
    payment_id: Id
    amount: Amount
    currency: Currency
    status: Line
    payments: tuple[Json, ...] = ()


class ProductUpdated(DomainEvent):
    """A product's data changed."""

    TOPIC = "domain.products"
    product_id: Id
    sku: Line = ""
    changed: tuple[Line, ...] = ()
    attributes: Json = Field(default_factory=dict)
