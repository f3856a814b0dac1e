"""A task must wait for a human: open the request, with everything needed to decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from events.event import Event
from events.orchestration import HITLRequested
from events.work import ApprovalWork, ExceptionWork
from shared.coordination.approvals import Approval
from shared.coordination.flow import seal, urgency_of
from shared.coordination.tasks import Task
from shared.ids import derive_id
from shared.runtime.services import Services


def handle(event: ApprovalWork | ExceptionWork, services: Services) -> Iterable[Event]:
    """Open a request for a task that stopped, or whose role failed; one that went on meanwhile is left alone."""
    task = services.tasks.hold(event.task_id)  # a cancellation at this moment comes wholly before or wholly after
    if task.ended or task.step != event.step or services.approvals.waiting_for(task.id):
        return []
    if isinstance(event, ExceptionWork) and task.status != "awaiting_approval":
        task = _failed(services, task, event)
    if task.status != "awaiting_approval":
        return []
    approval = _request(services, task, "exception" if isinstance(event, ExceptionWork) else "approval")
    services.approvals.open(approval)
    return [
        HITLRequested(
            request_id=approval.id,
            task_id=task.id,
            task_type=task.type,
            kind=approval.kind,
            urgency=approval.urgency,
            triggers=tuple(approval.triggers),
            expires_at=approval.expires_at,
        )
    ]


def _failed(services: Services, task: Task, event: ExceptionWork) -> Task:
    """The role could not do its work: approving lets it try again."""
    reason = {
        "rule": f"role:{event.role or task.role}",
        "trigger": event.error,
        "field": "work",
        "actual": event.detail or event.error,
        "limit": None,
        "why": "the role could not do its work",
    }
    verdict = dict(task.verdict) | {
        "escalated": True,
        "stage": "failure",
        "triggers": [event.error],
        "reasons": [reason],
        "urgency": urgency_of(services, [event.error], task.verdict["impact"]),
        "action": {"do": "work", "role": task.role, "data": dict(task.data)},
        "recommendation": "",
        "confidence": None,
    }
    return services.tasks.change(task, "awaiting_approval", verdict=verdict)


def _request(services: Services, task: Task, kind: Any) -> Approval:
    verdict = task.verdict
    policy = services.tenants.policy(services.context.tenant)
    hours = policy.exception_hours if kind == "exception" else policy.approval_hours
    now = services.now()
    return Approval(
        id=derive_id("request", task.id, str(task.version)),
        tenant=task.tenant,
        task_id=task.id,
        task_type=task.type,
        kind=kind,
        urgency=verdict["urgency"],
        triggers=list(verdict["triggers"]),
        reasons=list(verdict["reasons"]),
        task_data=dict(task.data),
        ai_recommendation=verdict.get("recommendation") or "",
        ai_confidence=verdict.get("confidence"),
        estimated_impact=dict(verdict["impact"]),
        context=services.history.context_for(task),
        action=dict(verdict["action"]),
        action_hash=seal(task, verdict["action"], verdict["policy_version"]),
        policy_version=verdict["policy_version"],
        step=task.step,
        role=task.role,
        created_at=now,
        expires_at=now + timedelta(hours=hours),
    )
