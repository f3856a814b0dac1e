"""GET /hitl/metrics: what waits, how fast it is decided, how much needs no human; all computed."""

from __future__ import annotations

from pydantic import BaseModel

from shared.coordination.metrics import hitl_metrics
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


class Metrics(BaseModel):
    """Counts, rates from 0 to 1 (null where nothing was counted), times in minutes; over the last 24 hours."""

    pending_requests: int
    completed_24h: int
    urgency_breakdown: dict[str, int]
    average_response_time: float | None
    approval_rate: float | None
    automation_rate: float | None


@router.get("/hitl/metrics")
def metrics(services: ServicesNow) -> Metrics:
    """The figures of the caller's tenant."""
    return Metrics(**hitl_metrics(services.unit, services.context.tenant, services.now()))
