"""The coordinator at work: it prepares each request that opens; context, brief, group and reviewer are noted on it.

1. The engine works without a lock: a model may take its time.
2. Then the write begins, and only then is the request's state believed: one decided meanwhile gets no notes. Its place
   is that which `hitl.rank` gave it meanwhile, else the one at which the brief saw it.
3. A fault in one request never stops the others: that request keeps its place by age.
It touches notes and context, never a status, an action or an expiry.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from events.event import Event
from events.orchestration import AgentFailed, HITLPrepared, HITLRequested
from shared.agents.case import Case, Result
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.coordination.waiting import MOST_WEIGHED, desk_data, desk_name
from shared.errors import Invalid
from shared.runtime.services import Services

log = logging.getLogger("agents")


def handle(event: Event, services: Services) -> Iterable[Event]:
    """Prepare a request; any other fact of its topic (its own too) is done at once."""
    return _prepare(event, services) if isinstance(event, HITLRequested) else []


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
        return [
            AgentFailed(
                task_id=event.task_id, role=coordinator.name, step=0, error="preparation_failed", detail=error.detail
            )
        ]
    output = dict(result.conclusion.output)
    context = output.pop("context")
    services.unit.alone(*desk_name(services.context.tenant))  # who ranks reads a request's notes and writes them
    noted = _notes(output, result, services.approvals.get(event.request_id).notes or {})
    if not services.approvals.annotate(event.request_id, noted, context):
        return []
    return [
        HITLPrepared(
            request_id=event.request_id,
            task_id=event.task_id,
            rank=noted["rank"],
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


def _notes(output: Mapping[str, Any], result: Result, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is noted on the request; `given` is what was noted while this worked: its place."""
    conclusion = result.conclusion
    return {
        **output,
        **given,
        "confidence": conclusion.confidence,
        "proposals": [
            {"action": one.action, "detail": dict(one.detail), "why": one.why} for one in conclusion.proposals
        ],
        "engine": result.engine,
        "engine_reason": result.reason,
    }
