"""GET /agents/{role}: one role with its live state."""

from __future__ import annotations

from functions.agents.views import AgentView
from shared.agents.roles import role as find_role
from shared.coordination.activity import activity
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


@router.get("/agents/{role}")
def get(role: str, services: ServicesNow) -> AgentView:
    """One role; the figures are those of the caller's tenant."""
    found = find_role(role)
    states = activity(services.unit, services.context.tenant, services.now(), [found.name])
    return AgentView.of(found, states[found.name])
