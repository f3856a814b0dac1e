"""GET /tasks/{task_id}/events: the timeline of a task, from the click to the end."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from events.fields import Json
from shared.coordination.timeline import timeline
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


class Happening(BaseModel):
    """One thing that happened to the task."""

    id: str
    type: str
    time: datetime
    actor: str
    data: Json


class Timeline(BaseModel):
    """One page of a timeline, oldest first."""

    items: list[Happening]
    next_cursor: str | None


@router.get("/tasks/{task_id}/events")
def events(
    task_id: str,
    services: ServicesNow,
    cursor: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 200,
) -> Timeline:
    """What happened to a task of the caller's tenant, in order."""
    services.tasks.get(task_id)
    page = timeline(services.unit, services.context.tenant, task_id, cursor, limit)
    return Timeline(items=[Happening(**item) for item in page.items], next_cursor=page.next_cursor)
