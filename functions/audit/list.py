"""GET /audit: who did what, when and why; of one task in order, or of the tenant, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import Row

from events.fields import Json
from shared.coordination.record import data_of
from shared.errors import Invalid
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


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


class AuditPage(BaseModel):
    """One page of the record."""

    items: list[AuditEntry]
    next_cursor: str | None


@router.get("/audit")
def list_audit(
    services: ServicesNow,
    task_id: Annotated[str, Query(max_length=64)] = "",
    cursor: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditPage:
    """The record of the caller's tenant."""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid.field("cursor", "must be the next_cursor of an earlier page")
    tenant, place = services.context.tenant, int(cursor or 0)
    if task_id:
        rows = services.record.of_task(tenant, task_id, place, limit + 1)
    else:
        rows = services.record.newest(tenant, place, limit + 1)
    following = str(rows[limit - 1].position) if len(rows) > limit else None
    return AuditPage(items=[_entry(row) for row in rows[:limit]], next_cursor=following)


def _entry(row: Row[Any]) -> AuditEntry:
    names = AuditEntry.model_fields.keys() - {"data"}
    return AuditEntry(**{name: getattr(row, name) for name in names}, data=data_of(row))
