"""GET /agents: the roles with their live state."""

from __future__ import annotations

from functions.agents.views import AgentPage, AgentView
from shared.agents.roles import roles
from shared.coordination.activity import activity
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


@router.get("/agents")
def list_agents(services: ServicesNow) -> AgentPage:
    """Every role; the figures are those of the caller's tenant."""
    known = roles()
    states = activity(services.unit, services.context.tenant, services.now(), known)
    return AgentPage(items=[AgentView.of(role, states[name]) for name, role in known.items()])
