"""What each role does now and did lately, read from the tasks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from shared.store.database import Unit
from shared.store.orchestration import tasks


def activity(unit: Unit, tenant: str, now: datetime, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`{waiting, running, completed_24h, average_confidence_24h}` of each named role."""
    states: dict[str, dict[str, Any]] = {
        name: {"waiting": 0, "running": 0, "completed_24h": 0, "average_confidence_24h": None} for name in names
    }
    live = select(tasks.c.role, tasks.c.status, func.count()).where(
        tasks.c.tenant == tenant, tasks.c.status.in_(["queued", "running"])
    )
    for name, status, count in unit.read().execute(live.group_by(tasks.c.role, tasks.c.status)):
        if name in states:
            states[name]["running" if status == "running" else "waiting"] = count
    since = now - timedelta(hours=24)
    confidences: dict[str, list[float]] = {}
    query = select(tasks.c.results).where(tasks.c.tenant == tenant, tasks.c.updated_at >= since)
    for row in unit.read().execute(query):
        for entry in row.results:
            if datetime.fromisoformat(entry["at"]) >= since:
                confidences.setdefault(entry["role"], []).append(float(entry["confidence"]))
    for name, values in confidences.items():
        if name in states:
            states[name] |= {"completed_24h": len(values), "average_confidence_24h": sum(values) / len(values)}
    return states


def doing(unit: Unit, tenant: str, role: str, limit: int = 20) -> list[dict[str, Any]]:
    """`{task_id, task_type, step, since}` of the tasks that a role works on now, the oldest task first."""
    query = (
        select(tasks.c.id, tasks.c.type, tasks.c.step, tasks.c.updated_at)
        .where(tasks.c.tenant == tenant, tasks.c.status == "running", tasks.c.role == role)
        .order_by(tasks.c.created_at, tasks.c.id)
        .limit(limit)
    )
    names = ("task_id", "task_type", "step", "since")
    return [dict(zip(names, row, strict=True)) for row in unit.read().execute(query)]
