"""Requests that wait for a human: opened once, decided once, or expired.

    pending -> approved | modified | rejected | expired | withdrawn

A decision is a compare-and-set from `pending`: of any number of reviewers at once exactly one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, insert, select, update

from shared.coordination.pages import Cursor, Page, after
from shared.errors import Conflict, Invalid, NotFound
from shared.store.database import Unit
from shared.store.orchestration import approvals as table
from shared.store.orchestration import tasks

RANKS = {"high": 0, "medium": 1, "low": 2}
_RANKS = frozenset(str(rank) for rank in RANKS.values())
STATUS_OF = {"approve": "approved", "modify": "modified", "reject": "rejected"}


@dataclass(frozen=True)
class Approval:
    """One request with everything needed to decide; `action` is what approving it does, `action_hash` its seal."""

    id: str
    tenant: str
    task_id: str
    task_type: str
    kind: str
    urgency: str
    triggers: Sequence[str]
    reasons: Sequence[Mapping[str, Any]]
    task_data: Mapping[str, Any]
    ai_recommendation: str
    ai_confidence: float | None
    estimated_impact: Mapping[str, Any]
    context: Mapping[str, Any]
    action: Mapping[str, Any]
    action_hash: str
    policy_version: str
    step: int
    role: str
    created_at: datetime
    expires_at: datetime
    status: str = "pending"
    notes: Mapping[str, Any] | None = None
    decided_at: datetime | None = None
    decision: str = ""
    reviewer: str = ""
    reviewer_notes: str = ""
    modified_action: Mapping[str, Any] | None = None
    agreement: bool | None = None


_FIELDS = tuple(column.name for column in table.columns if column.name != "urgency_rank")


@dataclass
class Approvals:
    """The requests of one tenant."""

    unit: Unit
    tenant: str
    now: Callable[[], datetime]

    def get(self, request_id: str) -> Approval:
        """One request. Raises `NotFound`, for a foreign tenant's too."""
        query = select(table).where(table.c.id == request_id, table.c.tenant == self.tenant)
        row = self.unit.read().execute(query).first()
        if row is None:
            raise NotFound(f"no request has the id {request_id!r}")
        return _approval(row)

    def find(self, request_id: str) -> Approval | None:
        """One request, or None."""
        try:
            return self.get(request_id)
        except NotFound:
            return None

    def open(self, approval: Approval) -> None:
        """Keep a new request."""
        values = {name: getattr(approval, name) for name in _FIELDS}
        values |= {"notes": dict(approval.notes or {}), "urgency_rank": RANKS[approval.urgency]}
        self.unit.write().execute(insert(table).values(**values))

    def decide(
        self,
        approval: Approval,
        decision: str,
        reviewer: str,
        notes: str,
        modified_action: Mapping[str, Any] | None,
        agreement: bool | None,
    ) -> Approval:
        """Record the one decision. Raises `Conflict` when somebody, or the clock, was first."""
        decided = replace(
            approval,
            status=STATUS_OF[decision],
            decision=decision,
            reviewer=reviewer,
            reviewer_notes=notes,
            modified_action=modified_action,
            agreement=agreement,
            decided_at=self.now(),
        )
        if approval.expires_at <= self.now():
            raise Conflict("the request has expired")
        changed = ["status", "decision", "reviewer", "reviewer_notes", "modified_action", "agreement", "decided_at"]
        if not self._leave_pending(approval, {name: getattr(decided, name) for name in changed}):
            raise Conflict("the request was decided already")
        return decided

    def end(self, approval: Approval, status: str) -> bool:
        """Let a request expire, or withdraw it with its task; False when it was not pending any more."""
        return self._leave_pending(approval, {"status": status, "decided_at": self.now()})

    def _leave_pending(self, approval: Approval, values: dict[str, Any]) -> bool:
        statement = update(table).where(
            table.c.id == approval.id, table.c.tenant == self.tenant, table.c.status == "pending"
        )
        return bool(self.unit.write().execute(statement.values(**values)).rowcount == 1)

    def annotate(self, request_id: str, notes: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
        """Add the coordinator's notes to a request that still waits; False when it was decided meanwhile."""
        statement = update(table).where(
            table.c.id == request_id, table.c.tenant == self.tenant, table.c.status == "pending"
        )
        return bool(self.unit.write().execute(statement.values(notes=notes, context=context)).rowcount == 1)

    def pending(self, *, urgency: str = "", task_type: str = "", cursor: str = "", limit: int = 50) -> Page[Approval]:
        """Waiting requests, the most urgent and then the oldest first."""
        query = select(table).where(table.c.tenant == self.tenant, table.c.status == "pending")
        if urgency:
            query = query.where(table.c.urgency_rank == RANKS[urgency])
        if task_type:
            query = query.where(table.c.task_type == task_type)
        if cursor:
            query = query.where(_after(cursor, urgency))
        query = query.order_by(table.c.urgency_rank, table.c.created_at, table.c.id).limit(limit + 1)
        rows = [_approval(row) for row in self.unit.read().execute(query)]
        return Page.of(rows, limit, lambda item: Cursor.write(item.created_at, f"{RANKS[item.urgency]}/{item.id}"))

    def waiting_for(self, task_id: str) -> Approval | None:
        """The request of a task that still waits, if any."""
        query = select(table).where(
            table.c.tenant == self.tenant, table.c.task_id == task_id, table.c.status == "pending"
        )
        row = self.unit.read().execute(query).first()
        return _approval(row) if row else None

    def decided_since(self, since: datetime, limit: int = 5000) -> list[Approval]:
        """Requests that were decided since a moment, newest first."""
        query = select(table).where(table.c.tenant == self.tenant, table.c.decided_at >= since, table.c.decision != "")
        query = query.order_by(table.c.decided_at.desc()).limit(limit)
        return [_approval(row) for row in self.unit.read().execute(query)]


def expired(unit: Unit, now: datetime, limit: int = 200) -> list[Approval]:
    """Claim requests of all tenants whose time is over, oldest first, for the timer that ends them. Their tasks are
    held to the end of the transaction; what somebody else holds is left to them, or to the next time."""
    held = and_(tasks.c.id == table.c.task_id, tasks.c.tenant == table.c.tenant)
    query = select(table).join(tasks, held).where(table.c.status == "pending", table.c.expires_at <= now)
    query = query.order_by(table.c.expires_at).limit(limit).with_for_update(of=tasks, skip_locked=True)
    return [_approval(row) for row in unit.write().execute(query)]


def _after(cursor: str, urgency: str) -> Any:
    at, last = Cursor.read(cursor)
    rank, _, last_id = last.partition("/")
    if rank not in _RANKS or not last_id:
        raise Invalid.field("cursor", "must be the next_cursor of an earlier page")
    if urgency:  # SQLite sorts again where a column of the order is named twice
        if int(rank) != RANKS[urgency]:
            raise Invalid.field("cursor", "must be the next_cursor of a page of the same urgency")
        return after((table.c.created_at, at), (table.c.id, last_id))
    return after((table.c.urgency_rank, int(rank)), (table.c.created_at, at), (table.c.id, last_id))


def _approval(row: Row[Any]) -> Approval:
    values = dict(row._mapping)
    values.pop("urgency_rank")
    return Approval(**values)
