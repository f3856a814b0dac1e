"""What a role works on, what its tools find, and what it concludes.

A tool takes the case, not arguments: what it computes from is the task, the results of the roles before, the
tenant's settings and history. So a model may choose tools and their order, and cannot invent their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: The engines, as a result names them.
PLAYBOOK, CREWAI = "playbook", "crewai"


@dataclass(frozen=True)
class Tool:
    """One tool: its name, what it says of itself to a model, and the function that computes it."""

    name: str
    description: str
    run: Callable[[Case], Any]


@dataclass
class Case:
    """One piece of work for one role. Values of tools are computed once and remembered.

    `data` is the task's data; `asked` its description and expected output, where given; `results` the outputs of
    earlier roles by role name (each with `outcome`); `settings` the tenant's document; `history` answers what the
    tenant's own past says (see `shared.coordination.history.History`); `draft` a text that a model wrote, to be
    checked by the tools.
    """

    role: str
    task_id: str
    task_type: str
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    history: Any
    now: datetime
    tools: Mapping[str, Tool]
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    draft: str = ""
    found: dict[str, Any] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)

    def get(self, tool: str) -> Any:
        """What a tool finds in this case; computed when first asked for."""
        if tool not in self.found:
            self.found[tool] = self.tools[tool].run(self)
        return self.found[tool]


@dataclass(frozen=True)
class Proposal:
    """An action that a role proposes: `action` is a name of the role's file, `detail` its fields, JSON-able."""

    action: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Escalation:
    """Why a human must look: a trigger of the escalation table, and the field, value and limit behind it."""

    trigger: str
    field: str
    actual: Any
    limit: Any = None
    why: str = ""


@dataclass(frozen=True)
class Conclusion:
    """What a role's tools amount to. `output` fits the role's output types; `signals` are values that the
    escalation rules read (fraud_score, sentiment, policy_violations...)."""

    outcome: str
    confidence: float
    output: Mapping[str, Any]
    summary: str
    proposals: tuple[Proposal, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    signals: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A conclusion and how it came about: `engine` is "crewai" or "playbook", `reason` says why that one; `notes`
    are remarks for a reviewer (a model's concerns, what of its words was not used and why)."""

    conclusion: Conclusion
    engine: str
    reason: str
    tools_used: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
