"""What the tasks room shows of a task."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from events.fields import Json
from shared.coordination.tasks import Task


class TaskView(BaseModel):
    """A task with what its roles found. `computed` are the signals that its data lacked, `undecided` the rules that
    could not be judged and why."""

    id: str
    type: str
    status: str
    role: str
    queue: str
    step: int
    priority: int
    description: str
    expected_output: str
    data: Json
    escalated: bool
    triggers: list[str]
    urgency: str
    reasons: list[Json]
    policy_version: str
    computed: Json
    undecided: list[Json]
    result: Json | None
    results: list[Json]
    created_by: str
    cause: str
    why: str
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, task: Task) -> TaskView:
        """The view of a task; `result` is what the last role found."""
        verdict = task.verdict
        return cls(
            **{name: getattr(task, name) for name in cls.model_fields if hasattr(task, name) and name != "results"},
            escalated=bool(verdict["escalated"]),
            triggers=list(verdict["triggers"]),
            urgency=verdict["urgency"],
            reasons=list(verdict["reasons"]),
            policy_version=verdict["policy_version"],
            computed=verdict["computed"],
            undecided=verdict["undecided"],
            result=dict(task.results[-1]) if task.results else None,
            results=[dict(entry) for entry in task.results],
        )


class TaskPage(BaseModel):
    """One page of tasks, newest first."""

    items: list[TaskView]
    next_cursor: str | None


class TaskAccepted(BaseModel):
    """The answer to a new task."""

    id: str
    status: str
    role: str
    queue: str
    escalated: bool
    triggers: list[str]
    urgency: str

    @classmethod
    def of(cls, task: Task) -> TaskAccepted:
        """The short view of a task that was just submitted."""
        return cls(
            **{name: getattr(task, name) for name in ("id", "status", "role", "queue")},
            escalated=bool(task.verdict["escalated"]),
            triggers=list(task.verdict["triggers"]),
            urgency=task.verdict["urgency"],
        )
