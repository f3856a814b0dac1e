"""POST /tasks/{task_id}/cancel: end a task that has not ended; a request that waits for it is withdrawn."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from functions.tasks.views import TaskView
from shared.coordination.flow import ended
from shared.runtime.http import ServicesNow, operation_router
from shared.tools.sensitive import mask_sensitive

router = operation_router()


class Cancellation(BaseModel):
    """Why the task is not wanted any more."""

    model_config = ConfigDict(extra="forbid")
    why: str = Field(default="", max_length=1000)


@router.post("/tasks/{task_id}/cancel")
def cancel(task_id: str, body: Cancellation, services: ServicesNow) -> TaskView:
    """Cancel a task of the caller's tenant; 409 when it has ended."""
    task = services.tasks.change(services.tasks.hold(task_id), "cancelled", why=mask_sensitive(body.why).clean)
    waiting = services.approvals.waiting_for(task_id)
    if waiting:
        services.approvals.end(waiting, "withdrawn")
    services.emit(ended(services, task))
    return TaskView.of(task)
