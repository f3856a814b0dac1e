"""GET /tasks: a page of tasks, newest first."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from functions.tasks.views import TaskPage, TaskView
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()
Status = Literal["queued", "running", "awaiting_approval", "completed", "rejected", "failed", "cancelled"]


@router.get("/tasks")
def list_tasks(
    services: ServicesNow,
    status: Status | None = None,
    task_type: Annotated[str, Query(alias="type", max_length=60)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TaskPage:
    """The tasks of the caller's tenant."""
    page = services.tasks.page(status=status or "", task_type=task_type, cursor=cursor, limit=limit)
    return TaskPage(items=[TaskView.of(task) for task in page.items], next_cursor=page.next_cursor)
