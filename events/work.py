"""Work: what exactly one doer does, retried and dead-lettered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from events.event import Destination, Event
from events.fields import Id, Json, Line, Moment, Text
from events.orchestration import Decision


class RoleWork(Event):
    """One step of a task for one agent role, on that role's own queue."""

    QUEUE = "auto_*"
    task_id: Id
    task_type: Id
    role: Id
    queue: Id
    step: int = Field(ge=0)
    cleared: bool = False
    priority: int = Field(default=0, ge=0, le=10)

    def destination(self) -> Destination:
        """The queue of the role's family."""
        return Destination("queue", self.queue)


class ApprovalWork(Event):
    """A task that a human must decide before the work goes on."""

    QUEUE = "hitl_approval"
    task_id: Id
    step: int = Field(ge=0)


class ExceptionWork(Event):
    """A task that went wrong, or that nobody decided: a human must look."""

    QUEUE = "hitl_exceptions"
    task_id: Id
    step: int = Field(ge=0)
    role: Line = ""
    error: Line
    detail: Text = ""


class TrainingSample(Event):
    """A human's decision as a labelled sample."""

    QUEUE = "hitl_training"
    request_id: Id
    task_id: Id
    task_type: Id
    role: Line = ""
    triggers: tuple[Line, ...] = ()
    decision: Decision
    agreement: bool | None = None
    ai_recommendation: Line = ""
    ai_confidence: float | None = None
    labels: Json = Field(default_factory=dict)


class TimerFired(Event):
    """A function's own timer came due. It travels from the timer to that function only."""

    QUEUE = "timer"
    function: Id
    due_at: Moment
    kind: Literal["timer"] = "timer"
