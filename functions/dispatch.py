"""Work for a role: from its queue to the role's function over HTTP, acknowledged when the role has committed.

What the role's answer means:
    2xx                     done
    4xx                     the role cannot: a human is asked at once, with the role's own words
    503 busy                nobody looked at it: offered again from here, for most of this function's time
    503, 429, no connection again later, which costs attempts only when it lasts; on the last one a human is asked
    502, failed             again later, each time an attempt: it may be this work that it fails on
    504                     it ran over its time and was ended: a human is asked at once
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from events.envelope import STRUCTURED, Envelope
from events.event import Event
from events.jsontext import JsonError, loads
from events.orchestration import AgentFailed
from events.topology import QUEUES
from events.work import ExceptionWork, RoleWork
from shared.auth.tokens import service_token
from shared.errors import Failed, TryAgain
from shared.runtime.services import Services

if TYPE_CHECKING:
    import urllib3

OVER_TIME = "ran_over_its_time"
FAILED = "role_failed"
BUSY, BROKEN = "/problems/busy", "/problems/failed"
#: The part of this function's time that it waits for a busy role.
PATIENCE = 0.4


def handle(event: RoleWork, services: Services) -> Iterable[Event]:
    """Hand the work to its role and wait for the answer."""
    services.unit.rest()  # a role may take minutes: many that wait for one must not hold all connections
    status, kind, detail = _offer(event, services)
    if 200 <= status < 300:
        return []
    if status == 504:
        return _ask_a_human(event, OVER_TIME, detail)
    if 400 <= status < 500 and status not in (401, 429):
        return _ask_a_human(event, FAILED, detail or f"{event.role} refused the work ({status})")
    if services.context.attempt >= QUEUES[event.queue].delivery_limit:
        return _ask_a_human(event, FAILED, detail)
    patient = status in (401, 429, 503) and kind != BROKEN
    raise (TryAgain if patient else Failed)(f"{event.role} cannot do the work now ({status}): {detail}")


def _offer(event: RoleWork, services: Services) -> tuple[int, str, str]:
    """The role's answer, waiting while the role is busy: (status, problem type, detail)."""
    until = time.monotonic() + services.spec.timeout * PATIENCE
    while True:
        status, kind, detail = _call(event, services)
        if kind != BUSY or time.monotonic() > until:
            return status, kind, detail
        time.sleep(0.5 + random.random())  # jitter: many may wait for one role


def _call(event: RoleWork, services: Services) -> tuple[int, str, str]:
    """(status, problem type, detail)."""
    import urllib3

    context = services.context
    envelope = Envelope(
        id=context.id,
        source=context.source,
        event=event,
        time=context.time,
        subject=event.task_id,
        extensions={
            "tenantid": context.tenant,
            "correlationid": context.correlation,
            "causationid": context.causation or context.id,
            "agentrole": event.role,
        }
        | ({"actorid": context.actor} if context.actor else {}),
    )
    headers = {
        "content-type": STRUCTURED,
        "authorization": f"Bearer {service_token(tenant=context.tenant, name='dispatch')}",
        "x-delivery-attempt": str(context.attempt),
    }
    pool, path = _gateway(services.settings.gateway_url, os.getpid())
    path += f"/function/agent-{event.role.replace('_', '-')}"
    try:
        answer = pool.urlopen("POST", path, body=envelope.encode(), headers=headers)
    except urllib3.exceptions.HTTPError as error:
        return 503, "", f"no answer ({type(error).__name__})"
    return answer.status, *_problem(answer.data)


@cache
def _gateway(url: str, process: int) -> tuple[urllib3.HTTPConnectionPool, str]:  # noqa: ARG001  # never across a fork
    """Connections to the gateway, and the path under which it is there."""
    import urllib3

    # The host ends a role that runs over its time; this limit is only for a host that is gone.
    waits = urllib3.Timeout(connect=5, read=660)
    pool = urllib3.connection_from_url(url, maxsize=32, retries=False, timeout=waits)
    return pool, urllib3.util.parse_url(url).path or ""


def _problem(body: bytes) -> tuple[str, str]:
    try:
        problem = loads(body)
    except JsonError:
        return "", ""
    if not isinstance(problem, dict):
        return "", ""
    return str(problem.get("type", "")), str(problem.get("detail", ""))[:1000]


def _ask_a_human(event: RoleWork, error: str, detail: str) -> list[Event]:
    failed = AgentFailed(task_id=event.task_id, role=event.role, step=event.step, error=error, detail=detail)
    return [
        failed,
        ExceptionWork(task_id=event.task_id, step=event.step, role=event.role, error=error, detail=detail),
    ]
