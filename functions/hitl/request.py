"""GET /hitl/requests/{request_id}: one request with everything needed to decide."""

from __future__ import annotations

from functions.hitl.views import RequestView
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


@router.get("/hitl/requests/{request_id}")
def request(request_id: str, services: ServicesNow) -> RequestView:
    """One request of the caller's tenant, waiting or decided."""
    return RequestView.of(services.approvals.get(request_id))
