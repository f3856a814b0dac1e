"""The waiting requests of a tenant as the coordinator reads and marks them. It touches nothing but their notes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from shared.coordination.desk import Desk
from shared.coordination.history import History
from shared.coordination.tenants import Tenants
from shared.errors import Invalid
from shared.store.database import Unit
from shared.store.orchestration import approvals, tasks
from shared.tools.review_request import ReviewRequest
from shared.tools.reviewers import read_reviewers

log = logging.getLogger("agents")
#: Requests that the timer ranks at most; those after them, by urgency and age, keep their place.
MOST_RANKED = 500
#: Those that each request is weighed against when it opens, and that move up when one is decided: a full inbox must not
#: make either dear (at 500 each was a second of work).
MOST_WEIGHED = 100
_SHOWN = (
    "id", "task_id", "task_type", "kind", "created_at", "expires_at", "urgency", "triggers", "reasons", "task_data",
    "role", "ai_recommendation", "ai_confidence", "estimated_impact", "action", "context", "notes",
)  # fmt: skip
_ASKED = ("description", "expected_output")


def desk_name(tenant: str) -> tuple[str, str]:
    """What `Unit.alone` is asked for by who puts a tenant's queue in order."""
    return "desk", tenant


def tenants_waiting(unit: Unit) -> list[str]:
    """The tenants for whom something waits."""
    query = select(approvals.c.tenant).where(approvals.c.status == "pending").distinct()
    return sorted(unit.read().execute(query).scalars())


def waiting_requests(unit: Unit, tenant: str, most: int = MOST_RANKED, with_: str = "") -> list[dict[str, Any]]:
    """What waits, the most urgent and then the oldest first, as `ReviewRequest.read` takes it; the request `with_` is
    among it if it waits, however many stand before it. Inside a write transaction the rows stay as they are until its
    end; one that is being decided at this moment is left out."""
    waiting = (
        select(*(approvals.c[name] for name in _SHOWN), *(tasks.c[name] for name in ("created_by", *_ASKED)))
        .join(tasks, tasks.c.id == approvals.c.task_id)
        .where(approvals.c.tenant == tenant, tasks.c.tenant == tenant, approvals.c.status == "pending")
    )
    if unit.dirty:
        waiting = waiting.with_for_update(of=approvals, skip_locked=True)
    first = waiting.order_by(approvals.c.urgency_rank, approvals.c.created_at, approvals.c.id).limit(most)
    rows = unit.read().execute(first).all()
    if with_ and all(row.id != with_ for row in rows):
        rows = [*rows, *unit.read().execute(waiting.where(approvals.c.id == with_)).all()]
    return [_request(row._asdict()) for row in rows]


def _request(row: Mapping[str, Any]) -> dict[str, Any]:
    asked = {name: row[name] for name in _ASKED if row[name]}
    return {**{name: row[name] for name in _SHOWN}, "asked": asked, "caused_by": [row["created_by"]]}


def desk_data(unit: Unit, tenant: str, tenants: Tenants, most: int = MOST_RANKED, with_: str = "") -> dict[str, Any]:
    """What `desk_of` needs beside settings and history: {pending, reviewers, currency, fx_rates}. See
    `waiting_requests` for `most` and `with_`."""
    policy = tenants.policy(tenant)
    return {
        "pending": waiting_requests(unit, tenant, most, with_),
        "reviewers": tenants.settings(tenant).get("reviewers"),
        "currency": policy.currency,
        "fx_rates": policy.fx_rates,
    }


def desk_of(data: Mapping[str, Any], settings: Mapping[str, Any], history: History) -> Desk:
    """The desk of a tenant. A request that cannot be read is left out, and so keeps its place by age; reviewers who
    cannot be read are left out and named."""
    reviewers, problems = read_reviewers(data.get("reviewers"))
    return Desk(
        pending=[request for each in data["pending"] if (request := _readable(each))],
        reviewers=reviewers,
        problems=problems,
        past=history.reviews(),
        settings=settings,
        currency=data["currency"],
        rates=data["fx_rates"],
        now=history.now(),
    )


def _readable(value: object) -> ReviewRequest | None:
    try:
        return ReviewRequest.read(value)
    except Invalid as error:
        log.warning("a waiting request cannot be ranked: %s", error.detail)
        return None


def places(desk: Desk) -> dict[str, dict[str, Any]]:
    """Each waiting request's notes with its present place and group, for those whose place or group changed."""
    changed = {}
    for request in desk.pending:
        group = desk.groups.get(request.id)
        place = {"rank": desk.queue[request.id].rank, "group": group.key if group else None}
        if any(request.notes.get(name, "") != value for name, value in place.items()):
            changed[request.id] = {**request.notes, **place, "expected_loss": desk.expected_loss(request.id)}
    return changed


def write_notes(unit: Unit, tenant: str, notes: Mapping[str, Mapping[str, Any]]) -> None:
    """Set the notes of requests that still wait, by id."""
    statement = (
        update(approvals)
        .where(approvals.c.id == bindparam("request"), approvals.c.tenant == tenant, approvals.c.status == "pending")
        .values(notes=bindparam("changed"))
    )
    if notes:
        rows: Sequence[dict[str, Any]] = [{"request": name, "changed": dict(value)} for name, value in notes.items()]
        unit.write().execute(statement, rows)


def put_in_order(unit: Unit, tenant: str, tenants: Tenants, now: Callable[[], datetime]) -> None:
    """Give a tenant's waiting requests their places anew, read and written at one moment."""
    unit.alone(*desk_name(tenant))
    data = desk_data(unit, tenant, tenants, MOST_WEIGHED)
    desk = desk_of(data, tenants.settings(tenant), History(unit, tenant, now))
    write_notes(unit, tenant, places(desk))
