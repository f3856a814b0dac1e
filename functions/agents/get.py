"""GET /agents/{role}: one role with its live state."""

from __future__ import annotations

from functions.agents.views import AgentNow
from shared.agents.roles import role as find_role
from shared.coordination.activity import activity, doing
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


@router.get("/agents/{role}")
def get(role: str, services: ServicesNow) -> AgentNow:
    """One role; the figures are those of the caller's tenant."""
    found = find_role(role)
    states = activity(services.unit, services.context.tenant, services.now(), [found.name])
    now = doing(services.unit, services.context.tenant, found.name)
    return AgentNow.of(found, {**states[found.name], "doing": now})
