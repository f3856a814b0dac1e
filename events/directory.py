"""Directory: businesses, categories, reviews, locations."""

from __future__ import annotations

from pydantic import Field

from events.event import DomainEvent
from events.fields import Country, Id, Json, Line, Text


class BusinessListed(DomainEvent):
    """A business entered the directory."""

    TOPIC = "domain.directory"
    business_id: Id
    name: Line
    category: Line = ""
    country: Country | None = None
    attributes: Json = Field(default_factory=dict)


class ReviewPosted(DomainEvent):
    """Somebody reviewed a business."""

    TOPIC = "domain.directory"
    review_id: Id
    business_id: Id
    rating: int = Field(ge=1, le=5)
    text: Text = ""
    author_id: Id | None = None
    attributes: Json = Field(default_factory=dict)


class LocationVerified(DomainEvent):
    """A business was shown to be where it says it is."""

    TOPIC = "domain.directory"
    location_id: Id
    business_id: Id
    method: Line
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    attributes: Json = Field(default_factory=dict)
