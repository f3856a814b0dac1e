"""The figures of the human side, computed from the tasks and requests themselves."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, or_, select

from shared.coordination.approvals import RANKS
from shared.store.database import Unit
from shared.store.orchestration import approvals, tasks


def hitl_metrics(unit: Unit, tenant: str, now: datetime) -> dict[str, Any]:
    """The figures of `GET /hitl/metrics`, over the 24 hours before `now`."""
    since = now - timedelta(hours=24)
    decided = _decided(unit, tenant, since)
    work = _tasks_since(unit, tenant, since)
    pending = _pending(unit, tenant)
    return {
        "pending_requests": sum(pending.values()),
        "completed_24h": len(decided),
        "urgency_breakdown": pending,
        "average_response_time": _mean_minutes(decided),
        "approval_rate": _rate(sum(row.decision != "reject" for row in decided), len(decided)),
        "automation_rate": work.automation,
    }


def dashboard(unit: Unit, tenant: str, now: datetime, zone: str) -> dict[str, Any]:
    """The figures of `GET /hitl/dashboard`; the day begins at midnight in `zone` (an IANA name)."""
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    work = _tasks_since(unit, tenant, midnight)
    opened = select(approvals.c.triggers).where(approvals.c.tenant == tenant, approvals.c.created_at >= midnight)
    triggers = Counter(name for row in unit.read().execute(opened) for name in row.triggers)
    return {
        "total_tasks_today": work.made,
        "auto_processed": work.done_alone,
        "hitl_required": work.stopped,
        "automation_rate": work.automation,
        "pending_by_priority": _pending(unit, tenant),
        "avg_decision_time_minutes": _mean_minutes(_decided(unit, tenant, midnight)),
        "top_triggers": [{"trigger": name, "count": count} for name, count in triggers.most_common(5)],
    }


def _pending(unit: Unit, tenant: str) -> dict[str, int]:
    query = select(approvals.c.urgency, func.count()).where(
        approvals.c.tenant == tenant, approvals.c.status == "pending"
    )
    counted = {row[0]: row[1] for row in unit.read().execute(query.group_by(approvals.c.urgency))}
    return {urgency: counted.get(urgency, 0) for urgency in RANKS}


def _decided(unit: Unit, tenant: str, since: datetime) -> list[Any]:
    query = select(approvals.c.created_at, approvals.c.decided_at, approvals.c.decision)
    query = query.where(approvals.c.tenant == tenant, approvals.c.decided_at >= since, approvals.c.decision != "")
    return list(unit.read().execute(query))


class _Work(NamedTuple):
    """Tasks that were made, those of them that were completed by roles alone, and those that had to wait for a human
    at least once. What is under way, cancelled or failed without a human is neither."""

    made: int
    done_alone: int
    stopped: int

    @property
    def automation(self) -> float | None:
        return _rate(self.done_alone, self.done_alone + self.stopped)


def _tasks_since(unit: Unit, tenant: str, since: datetime) -> _Work:
    stopped = (
        select(approvals.c.id).where(approvals.c.tenant == tasks.c.tenant, approvals.c.task_id == tasks.c.id).exists()
    )
    alone = and_(tasks.c.status == "completed", ~stopped)
    waiting = or_(tasks.c.status == "awaiting_approval", stopped)
    counts = [func.count(), *(func.count(case((which, 1))) for which in (alone, waiting))]
    query = select(*counts).where(tasks.c.tenant == tenant, tasks.c.created_at >= since)
    return _Work._make(unit.read().execute(query).one())


def _mean_minutes(rows: list[Any]) -> float | None:
    if not rows:
        return None
    total: float = sum((row.decided_at - row.created_at).total_seconds() for row in rows)
    return total / len(rows) / 60


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
