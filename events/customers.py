"""Customers (CRM): clients, leads, campaigns, communications."""

from __future__ import annotations

from pydantic import Field

from events.event import DomainEvent
from events.fields import Amount, Currency, Email, Id, Json, Line


class LeadCreated(DomainEvent):
    """A possible customer became known."""

    TOPIC = "domain.leads"
    lead_id: Id
    email: Email | None = None
    company: Line = ""
    origin: Line = ""
    attributes: Json = Field(default_factory=dict)


class LeadConverted(DomainEvent):
    """A lead became a client."""

    TOPIC = "domain.leads"
    lead_id: Id
    client_id: Id
    value: Amount | None = None
    currency: Currency | None = None
    attributes: Json = Field(default_factory=dict)


class CampaignLaunched(DomainEvent):
    """A campaign started to reach its audience."""

    TOPIC = "domain.customers"
    campaign_id: Id
    name: Line
    channels: tuple[Line, ...] = ()
    budget: Amount | None = None
    currency: Currency | None = None
    attributes: Json = Field(default_factory=dict)
