"""GET /hitl/dashboard: today at a glance; all computed."""

from __future__ import annotations

from pydantic import BaseModel

from shared.coordination.metrics import dashboard as computed
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


class TriggerCount(BaseModel):
    """How often a trigger stopped a task today."""

    trigger: str
    count: int


class Dashboard(BaseModel):
    """Today's figures; the day is that of the tenant's time zone. Rates from 0 to 1, null where nothing was counted."""

    total_tasks_today: int
    auto_processed: int
    hitl_required: int
    automation_rate: float | None
    pending_by_priority: dict[str, int]
    avg_decision_time_minutes: float | None
    top_triggers: list[TriggerCount]


@router.get("/hitl/dashboard")
def dashboard(services: ServicesNow) -> Dashboard:
    """The day of the caller's tenant."""
    zone = str(services.tenants.settings(services.context.tenant).get("time_zone") or "UTC")
    return Dashboard(**computed(services.unit, services.context.tenant, services.now(), zone))
