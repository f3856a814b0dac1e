"""The coordinator at work: it prepares each request that opens, and keeps the queue of those that wait in order.

    a request opens         its context, brief, place, group and reviewer are noted on it
    one is decided, expires the others move up
    the timer               every tenant's queue is ranked again; who cannot keep up is warned

1. The engine works without a lock: a model may take its time.
2. Then the write begins, and only then is the request's state believed: one decided meanwhile gets no notes.
   Of those that put a tenant's queue in order, one goes after the other; nobody who decides waits for them for long.
3. A fault in one request, or one tenant, never stops the others: that request keeps its place by age.
It touches notes and context, never a status, an action or an expiry.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy.exc import DBAPIError

from events.event import Event
from events.orchestration import AgentFailed, AuditNoted, HITLDecided, HITLExpired, HITLPrepared, HITLRequested
from events.work import TimerFired
from shared.agents.case import Case, Result
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.contract import Addressed
from shared.coordination.history import History
from shared.coordination.waiting import (
    MOST_WEIGHED,
    desk_data,
    desk_name,
    desk_of,
    places,
    tenants_waiting,
    write_notes,
)
from shared.coordination.watch import watch
from shared.errors import Invalid
from shared.runtime.services import Services
from shared.tools.past_reviews import HASTY, HASTY_RUN

log = logging.getLogger("agents")
#: The trigger of what the tenant's admins are told.
UNUSUAL = "unusual_behavior_pattern"


def handle(event: Event, services: Services) -> Iterable[Event | Addressed]:
    """Prepare, or put in order; a fact that calls for neither (its own too) is done at once."""
    match event:
        case HITLRequested():
            return _prepare(event, services)
        case HITLDecided():
            _rank(services)
            return _hasty(event, services)
        case HITLExpired():
            _rank(services)
        case TimerFired():
            return _round(services)
    return []


def _prepare(event: HITLRequested, services: Services) -> list[Event]:
    approval = services.approvals.find(event.request_id)
    if approval is None or approval.status != "pending" or (approval.notes or {}).get("brief"):
        return []
    coordinator = role(services.spec.role)
    try:
        case = _case(services, event)
        if case is None:
            return []
        services.unit.rest()
        result = services.engine.run(coordinator, case)
    except Invalid as error:
        log.warning("request %s cannot be prepared: %s", event.request_id, error.detail)
        _rank(services)
        return [
            AgentFailed(
                task_id=event.task_id, role=coordinator.name, step=0, error="preparation_failed", detail=error.detail
            )
        ]
    output = dict(result.conclusion.output)
    context = output.pop("context")
    services.unit.alone(*desk_name(services.context.tenant))  # one desk is put in order by one at a time
    if not services.approvals.annotate(event.request_id, _notes(output, result), context):
        return []
    _rank(services)
    noted = services.approvals.get(event.request_id).notes or {}
    return [
        HITLPrepared(
            request_id=event.request_id,
            task_id=event.task_id,
            rank=noted.get("rank"),
            suggested_reviewer=output["suggested_reviewer"]["asked"],
            confidence=result.conclusion.confidence,
        )
    ]


def _case(services: Services, event: HITLRequested) -> Case | None:
    """The request among those that wait; None when it was decided just now."""
    tenant = services.context.tenant
    data = desk_data(services.unit, tenant, services.tenants, MOST_WEIGHED, event.request_id)
    request = next((each for each in data["pending"] if each["id"] == event.request_id), None)
    if request is None:
        return None
    coordinator = role(services.spec.role)
    task = services.tasks.get(event.task_id)
    request |= {"results": list(task.results), "computed": task.verdict.get("computed") or {}}
    return Case(
        role=coordinator.name,
        task_id=event.task_id,
        task_type=event.task_type,
        data={"request": request, **data},
        settings=services.tenants.settings(tenant),
        history=services.history,
        now=services.now(),
        tools=tools_of(coordinator),
    )


def _notes(output: dict[str, Any], result: Result) -> dict[str, Any]:
    conclusion = result.conclusion
    return {
        **output,
        "confidence": conclusion.confidence,
        "proposals": [
            {"action": one.action, "detail": dict(one.detail), "why": one.why} for one in conclusion.proposals
        ],
        "engine": result.engine,
        "engine_reason": result.reason,
    }


def _rank(services: Services) -> None:
    """Give the tenant's waiting requests their places anew."""
    tenant = services.context.tenant
    services.unit.alone(*desk_name(tenant))  # places are read and written at one moment
    history = History(services.unit, tenant, services.now)
    data = desk_data(services.unit, tenant, services.tenants, MOST_WEIGHED)
    desk = desk_of(data, services.tenants.settings(tenant), history)
    write_notes(services.unit, tenant, places(desk))


def _hasty(event: HITLDecided, services: Services) -> list[Event]:
    """A reviewer who approves one after the other within seconds is reported, once for every 20; not judged."""
    run = services.history.reviews().hasty_run(event.reviewer, event.timestamp)
    if run == 0 or run % HASTY_RUN:
        return []
    seconds = int(HASTY.total_seconds())
    return [
        AuditNoted(
            actor=services.spec.name,
            action="hitl.hasty_reviews",
            target=event.reviewer,
            why=f"the last {run} decisions were approvals of less than {seconds} seconds each",
            detail={"trigger": UNUSUAL, "for": "TENANT_ADMIN", "decisions": run, "seconds": seconds},
        )
    ]


def _round(services: Services) -> list[Event | Addressed]:
    """The timer's round of all tenants for whom something waits."""
    happened: list[Event | Addressed] = []
    services.unit.write()
    for tenant in tenants_waiting(services.unit):
        savepoint = services.unit.write().begin_nested()
        try:
            services.unit.alone(*desk_name(tenant))
            told = watch(services.unit, tenant, services.tenants, services.now, services.spec.name)
            savepoint.commit()
        except DBAPIError:
            raise  # the database's own trouble is everybody's: all of it comes again
        except Exception:  # the boundary of a tenant: its fault must not stop the others' queues
            savepoint.rollback()
            log.exception("the queue of %s cannot be ranked", tenant)
            continue
        happened += [Addressed(event, tenant) for event in told]
    return happened
