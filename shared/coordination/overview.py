"""A tenant's work at a glance: what is open, what was made lately, what waits for whom. Read by index, never by row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from shared.store.database import Unit
from shared.store.orchestration import approvals, outbox, tasks

OPEN = ("queued", "running", "awaiting_approval")


def overview(unit: Unit, tenant: str, now: datetime) -> dict[str, Any]:
    """`{open, made_24h, pending, oldest_pending}`: open tasks and those made in 24 hours, each by status; requests
    that wait for a human by urgency, and since when the oldest does."""
    mine = tasks.c.tenant == tenant
    waiting = (approvals.c.tenant == tenant, approvals.c.status == "pending")
    oldest = select(func.min(approvals.c.created_at)).where(*waiting)
    return {
        "open": _counts(unit, tasks.c.status, mine, tasks.c.status.in_(OPEN)),
        "made_24h": _counts(unit, tasks.c.status, mine, tasks.c.created_at >= now - timedelta(hours=24)),
        "pending": _counts(unit, approvals.c.urgency, *waiting),
        "oldest_pending": unit.read().execute(oldest).scalar_one(),
    }


def unsent(unit: Unit) -> int:
    """How many events of all tenants are committed and not yet on the bus."""
    query = select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_(None))
    return int(unit.read().execute(query).scalar_one())


def _counts(unit: Unit, column: Any, *where: Any) -> dict[str, int]:
    query = select(column, func.count()).where(*where).group_by(column)
    return {row[0]: row[1] for row in unit.read().execute(query)}
