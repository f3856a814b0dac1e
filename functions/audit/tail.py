"""GET /events: the facts of a tenant as they come in, oldest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from functions.audit.views import AuditEntry, AuditPage, place
from shared.auth.scope import tenant_asked
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()


@router.get("/events")
def tail(
    caller: CallerNow,
    services: ServicesNow,
    cursor: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    tenant: Annotated[str | None, Query(max_length=100)] = None,
) -> AuditPage:
    """Without a cursor the newest facts, with one those that followed. There is always a next cursor: asked again
    with it, the call tells what has happened since. Another tenant's, or the platform's own (""), are for SUPER_ADMIN.
    """
    whose, start = tenant_asked(caller, tenant), place(cursor)
    record = services.record
    rows = record.after(whose, start, limit) if cursor else record.newest(whose, 0, limit)[::-1]
    following = str(rows[-1].position) if rows else str(start)
    return AuditPage(items=[AuditEntry.of(row) for row in rows], next_cursor=following)
