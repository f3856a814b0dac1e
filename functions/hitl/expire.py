"""Requests whose time is over: an approval goes on to the exceptions, an exception ends its task as failed."""

from __future__ import annotations

from collections.abc import Iterable

from events.event import Event
from events.orchestration import HITLExpired, TaskEnded
from events.work import ExceptionWork, TimerFired
from shared.contract import Addressed
from shared.coordination.approvals import Approval, Approvals, expired
from shared.coordination.tasks import Tasks
from shared.runtime.services import Services

UNDECIDED = "nobody decided in time"


def handle(event: TimerFired, services: Services) -> Iterable[Event | Addressed]:  # noqa: ARG001
    """End what is over; each once, however often the timer fires."""
    happened: list[Event | Addressed] = []
    for approval in expired(services.unit, services.now()):
        if Approvals(services.unit, approval.tenant, services.now).end(approval, "expired"):
            happened += [Addressed(fact, approval.tenant, approval.task_id) for fact in _follow(approval, services)]
    return happened


def _follow(approval: Approval, services: Services) -> list[Event]:
    fact = HITLExpired(
        request_id=approval.id, task_id=approval.task_id, task_type=approval.task_type, kind=approval.kind
    )
    tasks = Tasks(services.unit, approval.tenant, services.now)
    task = tasks.get(approval.task_id)
    if task.status != "awaiting_approval":
        return [fact]
    if approval.kind == "exception":
        tasks.change(task, "failed", why=UNDECIDED)
        over = TaskEnded(task_id=task.id, task_type=task.type, status="failed", actor="system", why=UNDECIDED)
        return [fact, over]
    waiting = tasks.change(task, "awaiting_approval", verdict={**task.verdict, "expired_request": approval.id})
    return [fact, ExceptionWork(task_id=task.id, step=waiting.step, role=task.role, error="decision_expired")]
