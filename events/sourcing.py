"""Sourcing: products, suppliers, pricing, inventory."""

from __future__ import annotations

from pydantic import Field

from events.event import DomainEvent
from events.fields import Amount, Country, Currency, Id, Json, Line


class PriceChanged(DomainEvent):
    """A supplier's or a market's price moved."""

    TOPIC = "domain.sourcing"
    product_id: Id
    supplier_id: Id | None = None
    old_price: Amount | None = None
    new_price: Amount
    currency: Currency
    attributes: Json = Field(default_factory=dict)


class StockUpdated(DomainEvent):
    """A place's stock of a product is now this."""

    TOPIC = "domain.sourcing"
    sku: Id
    warehouse_id: Id
    on_hand: int = Field(ge=0)
    reserved: int = Field(default=0, ge=0)
    attributes: Json = Field(default_factory=dict)


class SupplierFound(DomainEvent):
    """A possible supplier became known."""

    TOPIC = "domain.sourcing"
    supplier_id: Id
    name: Line
    country: Country | None = None
    attributes: Json = Field(default_factory=dict)
