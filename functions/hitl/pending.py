"""GET /hitl/pending: waiting requests, the most urgent and then the oldest first."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from functions.hitl.views import RequestPage, RequestView
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


@router.get("/hitl/pending")
def pending(
    services: ServicesNow,
    urgency: Literal["high", "medium", "low"] | None = None,
    task_type: Annotated[str, Query(max_length=60)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RequestPage:
    """The requests of the caller's tenant that wait."""
    page = services.approvals.pending(urgency=urgency or "", task_type=task_type, cursor=cursor, limit=limit)
    return RequestPage(items=[RequestView.of(item) for item in page.items], next_cursor=page.next_cursor)
