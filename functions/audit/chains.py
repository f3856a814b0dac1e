"""GET /audit/chains: the chains of the record that the caller may check."""

from __future__ import annotations

from pydantic import BaseModel

from shared.auth.scope import sees_all
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()


class Chain(BaseModel):
    """A tenant's chain and how many facts it has; the tenant "" is the platform itself."""

    tenant: str
    facts: int


class Chains(BaseModel):
    """All of them."""

    items: list[Chain]
    next_cursor: str | None = None


@router.get("/audit/chains")
def chains(caller: CallerNow, services: ServicesNow) -> Chains:
    """The chain of the caller's tenant; for SUPER_ADMIN everybody's."""
    names = services.record.tenants() if sees_all(caller) else [caller.tenant]
    return Chains(items=[Chain(tenant=name, facts=services.record.length(name)) for name in names])
