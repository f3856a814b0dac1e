"""POST /tasks: judge a task and put it on its way, to its role or to a human."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from functions.tasks.views import TaskAccepted
from shared.coordination.flow import Order, submit
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


class NewTask(BaseModel):
    """A task to be done. `data` holds what the rules and the roles read; other fields in it travel untouched."""

    model_config = ConfigDict(extra="forbid")
    type: str = Field(min_length=1, max_length=60)
    data: dict[str, Any] = Field(max_length=500)
    description: str = Field(default="", max_length=10_000)
    expected_output: str = Field(default="", max_length=10_000)
    role: str = Field(default="", max_length=60)
    priority: int | None = Field(default=None, ge=0, le=10)


@router.post("/tasks", status_code=202)
def create(body: NewTask, services: ServicesNow) -> TaskAccepted:
    """Submit a task; with an `Idempotency-Key` the same request may be sent again safely."""
    task, events = submit(services, Order(**body.model_dump()))
    services.emit(*events)
    return TaskAccepted.of(task)
