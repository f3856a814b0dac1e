"""What the hitl room shows of a request: everything needed to decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

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
    reasons: list[dict[str, Any]]
    task_data: dict[str, Any]
    role: str
    ai_recommendation: str
    ai_confidence: float | None
    estimated_impact: dict[str, Any]
    context: dict[str, Any]
    notes: dict[str, Any]
    action: dict[str, Any]
    action_hash: str
    policy_version: str
    status: str
    decision: str
    reviewer: str
    reviewer_notes: str
    modified_action: dict[str, Any] | None
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
