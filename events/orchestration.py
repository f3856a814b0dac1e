"""Orchestration (the brain): agents, tasks, workflows, decisions. Its three domain events and its own facts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from events.event import Event
from events.fields import Id, Json, Line, Moment, Share, Text

Urgency = Literal["high", "medium", "low"]
Decision = Literal["approve", "reject", "modify"]


class TaskSubmitted(Event):
    """Somebody, or an event, asked for work; the verdict on it stands here."""

    TOPIC = "ai.decisions"
    task_id: Id
    task_type: Id
    actor: Id
    role: Id
    escalated: bool
    triggers: tuple[Line, ...] = ()
    urgency: Urgency = "low"
    policy_version: Line = ""
    cause: Line = ""


class TaskAssigned(Event):
    """A task goes to an agent role; `step` counts the hand-overs of the task."""

    TOPIC = "ai.decisions"
    task_id: Id
    task_type: Id
    role: Id
    queue: Id
    step: int = Field(ge=0)
    cleared: bool = False


class AgentCompleted(Event):
    """A role did its part: its outcome, its confidence and which engine worked.

    With `waits_for_human` nothing of it stands yet: what a human makes of the proposals is told by HITLDecided.
    """

    TOPIC = "ai.completions"
    task_id: Id
    task_type: Id
    role: Id
    step: int = Field(ge=0)
    outcome: Line
    confidence: Share
    engine: Line
    engine_reason: Line = ""
    result: Json = Field(default_factory=dict)
    proposals: tuple[Json, ...] = ()
    next_role: Line = ""
    waits_for_human: bool = False


class AgentFailed(Event):
    """A role could not do its part; a human is asked."""

    TOPIC = "ai.errors"
    task_id: Id
    role: Id
    step: int = Field(ge=0)
    error: Line
    detail: Text = ""


class TaskEnded(Event):
    """A task reached an end: completed, rejected, failed or cancelled."""

    TOPIC = "ai.completions"
    task_id: Id
    task_type: Id
    status: Literal["completed", "rejected", "failed", "cancelled"]
    actor: Id
    why: Line = ""


class HITLRequested(Event):
    """A task waits for a human: the request that was opened."""

    TOPIC = "hitl.requests"
    request_id: Id
    task_id: Id
    task_type: Id
    kind: Literal["approval", "exception"]
    urgency: Urgency
    triggers: tuple[Line, ...] = ()
    expires_at: Moment


class HITLPrepared(Event):
    """The coordinator added what a human needs to decide: the brief, the rank, the suggested reviewer."""

    TOPIC = "hitl.requests"
    request_id: Id
    task_id: Id
    rank: int | None = None
    suggested_reviewer: Line = ""
    confidence: Share


class HITLDecided(Event):
    """A human decided, once. `action` is what is done now: what was seen, or what the human changed it into; {} for
    a rejection. The data of work that is done as it was seen is not repeated."""

    TOPIC = "hitl.decisions"
    request_id: Id
    task_id: Id
    task_type: Id
    decision: Decision
    reviewer: Id
    notes: Text = ""
    action: Json = Field(default_factory=dict)
    ai_recommendation: Line = ""
    ai_confidence: Share | None = None
    agreement: bool | None = None
    action_hash: Line = ""
    policy_version: Line = ""
    minutes_waited: float = Field(ge=0)
    timestamp: Moment


class HITLExpired(Event):
    """Nobody decided in time."""

    TOPIC = "hitl.decisions"
    request_id: Id
    task_id: Id
    task_type: Id
    kind: Literal["approval", "exception"]


class FeedbackLearned(Event):
    """A decision became a labelled sample."""

    TOPIC = "hitl.feedback"
    request_id: Id
    task_id: Id
    task_type: Id
    role: Line = ""
    decision: Decision
    agreement: bool | None = None
    ai_confidence: Share | None = None


class AuditNoted(Event):
    """Somebody did something that has to stand in the record and is no other fact."""

    TOPIC = "audit.trail"
    actor: Id
    action: Line
    target: Line
    why: Text = ""
    detail: Json = Field(default_factory=dict)


class MetricTaken(Event):
    """A number that was measured."""

    TOPIC = "analytics.metrics"
    name: Line
    value: float
    unit: Line = ""
    labels: Json = Field(default_factory=dict)
