"""GET /audit: who did what, when and why; of one task in order, or of the tenant, newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from functions.audit.views import AuditEntry, AuditPage, place
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


@router.get("/audit")
def list_audit(
    services: ServicesNow,
    task_id: Annotated[str, Query(max_length=64)] = "",
    cursor: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditPage:
    """The record of the caller's tenant."""
    tenant, start = services.context.tenant, place(cursor)
    if task_id:
        rows = services.record.of_task(tenant, task_id, start, limit + 1)
    else:
        rows = services.record.newest(tenant, start, limit + 1)
    following = str(rows[limit - 1].position) if len(rows) > limit else None
    return AuditPage(items=[AuditEntry.of(row) for row in rows[:limit]], next_cursor=following)
