"""Content (CMS): pages, articles, media, menus."""

from __future__ import annotations

from pydantic import Field

from events.event import DomainEvent
from events.fields import Id, Json, Line


class PagePublished(DomainEvent):
    """A page went live."""

    TOPIC = "domain.content"
    page_id: Id
    url: Line
    title: Line = ""
    language: Line = ""
    attributes: Json = Field(default_factory=dict)


class ArticleCreated(DomainEvent):
    """An article was written and is not yet published."""

    TOPIC = "domain.content"
    article_id: Id
    title: Line
    author: Line = ""
    language: Line = ""
    attributes: Json = Field(default_factory=dict)


class MediaUploaded(DomainEvent):
    """A picture, a film or a document was stored."""

    TOPIC = "domain.content"
    media_id: Id
    filename: Line
    media_type: Line
    size: int = Field(ge=0)
    attributes: Json = Field(default_factory=dict)
