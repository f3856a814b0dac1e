"""What the agents room shows of a role."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from shared.agents.role import Role


class AgentView(BaseModel):
    """A role and its live state, computed from the tasks: what it does now, did in 24 hours, and how sure it was."""

    name: str
    family: str
    role: str
    goal: str
    queue: str
    task_types: list[str]
    tools: list[str]
    outcomes: dict[str, str]
    function: str
    waiting: int
    running: int
    completed_24h: int
    average_confidence_24h: float | None

    @classmethod
    def of(cls, role: Role, state: dict[str, Any]) -> Self:
        """The view of a role with its figures."""
        return cls(
            **{n: getattr(role, n) for n in ("name", "family", "role", "goal", "queue")},
            task_types=list(role.task_types),
            tools=list(role.tools),
            outcomes=dict(role.outcomes),
            function=f"agent-{role.name.replace('_', '-')}",
            **state,
        )


class Doing(BaseModel):
    """A task that a role works on now."""

    task_id: str
    task_type: str
    step: int
    since: datetime


class AgentNow(AgentView):
    """A role with what it works on now: the 20 oldest tasks at most."""

    doing: list[Doing]


class AgentPage(BaseModel):
    """All roles."""

    items: list[AgentView]
    next_cursor: str | None = None
