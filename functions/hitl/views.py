"""What the hitl room shows of a request: everything needed to decide."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from events.fields import Json
from shared.coordination.approvals import Approval


class RequestView(BaseModel):
    """A request that waits, or waited, for a human. `action` is what approving does; `action_hash` its seal."""

    id: str
    task_id: str
    task_type: str
    kind: str
    created_at: datetime
    expires_at: datetime
    urgency: str
    triggers: list[str]
    reasons: list[Json]
    task_data: Json
    role: str
    ai_recommendation: str
    ai_confidence: float | None
    estimated_impact: Json
    context: Json
    notes: Json
    action: Json
    action_hash: str
    policy_version: str
    status: str
    decision: str
    reviewer: str
    reviewer_notes: str
    modified_action: Json | None
    decided_at: datetime | None

    @classmethod
    def of(cls, approval: Approval) -> RequestView:
        """The view of a request."""
        values = {name: getattr(approval, name) for name in cls.model_fields}
        return cls(**values | {"notes": dict(approval.notes or {})})


class RequestPage(BaseModel):
    """One page of requests."""

    items: list[RequestView]
    next_cursor: str | None
