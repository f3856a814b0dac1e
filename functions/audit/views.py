"""What the audit room shows of the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from events.fields import Json
from shared.coordination.record import data_of
from shared.errors import Invalid


class AuditEntry(BaseModel):
    """One fact of the record. `hash` covers the fact and `previous`, the hash of the fact before it."""

    position: int
    type: str
    time: datetime
    actor: str
    task_id: str
    source: str
    event_id: str
    correlation: str
    causation: str
    data: Json
    previous: str
    hash: str

    @classmethod
    def of(cls, row: Row[Any]) -> AuditEntry:
        """The view of a row of the record."""
        names = cls.model_fields.keys() - {"data"}
        return cls(**{name: getattr(row, name) for name in names}, data=data_of(row))


class AuditPage(BaseModel):
    """One page of the record."""

    items: list[AuditEntry]
    next_cursor: str | None


def place(cursor: str) -> int:
    """The position that a cursor of the record names, 0 for none. Raises `Invalid`."""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid.field("cursor", "must be the next_cursor of an earlier page")
    return int(cursor or 0)
