"""The timer's look at one tenant's queue: places anew, and what its people should know now. Each thing is said once:
what was said of a request is noted on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from events.orchestration import AuditNoted
from shared.coordination.desk import Desk, asked_before
from shared.coordination.history import History
from shared.coordination.tenants import Tenants
from shared.coordination.waiting import desk_data, desk_of, places, write_notes
from shared.store.database import Unit
from shared.tools.review_request import ReviewRequest
from shared.tools.reviewers import ADMINS

#: The trigger of what the tenant's admins are told.
UNUSUAL = "unusual_behavior_pattern"
#: What was said of a request stands in its notes under this name.
TOLD = "told"


def watch(unit: Unit, tenant: str, tenants: Tenants, now: Callable[[], datetime], actor: str) -> list[AuditNoted]:
    """Rank a tenant's queue and return what is new to say: warnings for its admins, reminders, other reviewers."""
    unit.write()
    desk = desk_of(desk_data(unit, tenant, tenants), tenants.settings(tenant), History(unit, tenant, now))
    notes = dict(places(desk))
    facts = []
    for kind, requests, fact in _news(desk, tenant, actor):
        for request in requests:
            known = notes.get(request.id, request.notes)
            notes[request.id] = {**known, TOLD: sorted({*known.get(TOLD, ()), kind})}
        if fact is not None:
            facts.append(fact)
    for request, suggested, fact in _reassigned(desk, actor):
        notes[request.id] = {**notes.get(request.id, request.notes), "suggested_reviewer": suggested}
        facts.append(fact)
    write_notes(unit, tenant, notes)
    return facts


News = tuple[str, Sequence[ReviewRequest], AuditNoted | None]


def _news(desk: Desk, tenant: str, actor: str) -> Iterator[News]:
    """(kind, the requests of which it is now said, the fact)."""
    staffing = desk.staffing
    late = [one for one in desk.pending if one.id in staffing.will_expire and not _told(one, "will_expire")]
    if late:
        detail = {"will_expire": [one.id for one in late], "waiting": len(desk.pending)}
        yield (
            "will_expire",
            late,
            _warning(actor, tenant, f"{len(late)} requests will expire before their turn", detail),
        )
    if staffing.capacity.unstable:
        # Said once for each time that the queue builds up: while one of its requests was there before, it is known.
        fresh = [one for one in desk.pending if not _told(one, "unstable")]
        detail = {"reviewers": staffing.reviewers, "waiting": len(desk.pending)}
        why = "requests come faster than the reviewers can decide them"
        known = len(fresh) < len(desk.pending)
        yield "unstable", fresh, None if known else _warning(actor, tenant, why, detail)
    for request in desk.pending:
        waited, given = desk.now - request.created_at, request.expires_at - request.created_at
        if waited * 2 > given and not _told(request, "remind"):
            to = asked_before(request) or ADMINS
            detail = {"to": to, "rank": desk.queue[request.id].rank, "expires_at": request.expires_at.isoformat()}
            why = "more than half of its time is over"
            reminder = AuditNoted(actor=actor, action="hitl.remind", target=request.id, why=why, detail=detail)
            yield "remind", [request], reminder


def _warning(actor: str, tenant: str, why: str, detail: Mapping[str, Any]) -> AuditNoted:
    told = {"trigger": UNUSUAL, "for": "TENANT_ADMIN", **detail}
    return AuditNoted(actor=actor, action="hitl.capacity_warning", target=tenant, why=why, detail=told)


def _reassigned(desk: Desk, actor: str) -> Iterator[tuple[ReviewRequest, dict[str, Any], AuditNoted]]:
    """Requests whose suggested reviewer can no longer decide them in time, with another one."""
    there = {one.user_id: one for one in desk.reviewers}
    for request in desk.pending:
        before = asked_before(request)
        if before is None:
            continue
        asked = there.get(before)
        away = asked is None or (asked.absent_until is not None and asked.absent_until > desk.now)
        if not away and asked is not None and asked.hours_to_work(desk.now) < request.hours_left(desk.now):
            continue
        found = desk.suggestion_for(request)
        suggested = {
            "user_id": found.user_id,
            "asked": found.asked,
            "why": found.why,
            "wait_minutes": None if found.wait_minutes is None else round(found.wait_minutes, 1),
            "problems": list(desk.problems),
        }
        why = f"{before} cannot decide it in time"
        detail = {"from": before, "to": found.asked}
        fact = AuditNoted(actor=actor, action="hitl.suggest_reassign", target=request.id, why=why, detail=detail)
        yield request, suggested, fact


def _told(request: ReviewRequest, kind: str) -> bool:
    return kind in request.notes.get(TOLD, ())
