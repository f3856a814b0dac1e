"""GET /tasks/{task_id}: one task with what its roles found."""

from __future__ import annotations

from functions.tasks.views import TaskView
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


@router.get("/tasks/{task_id}")
def get(task_id: str, services: ServicesNow) -> TaskView:
    """One task of the caller's tenant."""
    return TaskView.of(services.tasks.get(task_id))
