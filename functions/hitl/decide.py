"""POST /hitl/decision: one human decision, recorded exactly once, and what follows from it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from events.orchestration import HITLDecided
from events.work import TrainingSample
from functions.hitl.views import RequestView
from shared.agents.roles import role
from shared.coordination.approvals import Approval
from shared.coordination.decisions import carry_out
from shared.coordination.flow import seal
from shared.coordination.tasks import Task
from shared.errors import Conflict
from shared.runtime.http import CallerNow, ServicesNow, operation_router
from shared.runtime.services import Services
from shared.tools.sensitive import mask_sensitive

router = operation_router()


class Decision(BaseModel):
    """A decision. `action_hash`, when given, says which action was seen. The reviewer is the caller."""

    model_config = ConfigDict(extra="forbid")
    request_id: str = Field(min_length=1, max_length=64)
    decision: Literal["approve", "reject", "modify"]
    notes: str = Field(default="", max_length=10_000)
    modified_action: dict[str, Any] | None = None
    action_hash: str | None = Field(default=None, max_length=64)

    @model_validator(mode="after")
    def _action_goes_with_modify(self) -> Decision:
        if (self.decision == "modify") != (self.modified_action is not None):
            raise ValueError("modified_action goes with the decision modify, and only with it")
        return self


@router.post("/hitl/decision")
def decide(body: Decision, caller: CallerNow, services: ServicesNow) -> RequestView:
    """Decide a waiting request; 409 when it was decided, has expired, or the task changed since it was opened."""
    services.unit.write()
    task = services.tasks.hold(services.approvals.get(body.request_id).task_id)  # reviewers at once queue up here
    approval = services.approvals.get(body.request_id)
    _same(approval, task, body.action_hash)
    said = mask_sensitive({"notes": body.notes, "action": body.modified_action}).clean
    agreed = _agreement(approval, body.decision)
    decided = services.approvals.decide(approval, body.decision, caller.user_id, said["notes"], said["action"], agreed)
    followed = carry_out(services, task, decided)
    services.emit(*_facts(services, task, decided), *followed)
    return RequestView.of(decided)


def _same(approval: Approval, task: Task, seen: str | None) -> None:
    if approval.status != "pending":
        raise Conflict(f"the request was {approval.status} already")
    if seen is not None and seen != approval.action_hash:
        raise Conflict("the action is not the one that you saw; look at the request again")
    now = seal(task, approval.action, approval.policy_version)
    if task.status != "awaiting_approval" or now != approval.action_hash:
        raise Conflict("the task changed since the request was opened; look at it again")


def _agreement(approval: Approval, decision: str) -> bool | None:
    """Whether the human kept what the role recommended (to go on, or not to); None where it recommended nothing."""
    outcome = approval.action.get("outcome")
    if not approval.ai_recommendation or outcome is None:
        return None
    advised_to_go_on = outcome not in role(approval.role).against
    return decision != "modify" and (decision == "approve") == advised_to_go_on


def _done(decided: Approval) -> dict[str, Any]:
    """What the decision does: a backend acts by it, and the record shows what a human changed."""
    if decided.decision == "reject":
        return {}
    if decided.modified_action is not None:
        return dict(decided.modified_action)
    return {name: value for name, value in decided.action.items() if name != "data"}


def _facts(services: Services, task: Task, decided: Approval) -> list[HITLDecided | TrainingSample]:
    assert decided.decided_at is not None
    waited = (decided.decided_at - decided.created_at).total_seconds() / 60
    common = {
        "request_id": decided.id,
        "task_id": task.id,
        "task_type": task.type,
        "decision": decided.decision,
        "agreement": decided.agreement,
        "ai_recommendation": decided.ai_recommendation[:1000],
        "ai_confidence": decided.ai_confidence,
    }
    fact = HITLDecided(
        **common,
        reviewer=decided.reviewer,
        notes=decided.reviewer_notes,
        action=_done(decided),
        action_hash=decided.action_hash,
        policy_version=decided.policy_version,
        minutes_waited=max(0.0, waited),
        timestamp=services.now(),
    )
    labels = {"fraud": "fraud_risk_detected" in decided.triggers and decided.decision == "reject"}
    sample = TrainingSample(**common, role=decided.role, triggers=tuple(decided.triggers), labels=labels)
    return [fact, sample]
