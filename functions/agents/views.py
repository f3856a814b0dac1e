"""What the agents room shows of a role."""

from __future__ import annotations

from typing import Any

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
    def of(cls, role: Role, state: dict[str, Any]) -> AgentView:
        """The view of a role with its figures."""
        return cls(
            **{n: getattr(role, n) for n in ("name", "family", "role", "goal", "queue")},
            task_types=list(role.task_types),
            tools=list(role.tools),
            outcomes=dict(role.outcomes),
            function=f"agent-{role.name.replace('_', '-')}",
            **state,
        )


class AgentPage(BaseModel):
    """All roles."""

    items: list[AgentView]
    next_cursor: str | None = None
