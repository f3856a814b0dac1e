"""GET /auth/me: who the caller is, where they belong and what they may do here."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from shared.auth.permissions import permissions_of
from shared.auth.sessions import Sessions
from shared.auth.signed_in import UserOut, user_out
from shared.errors import Unauthenticated
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()


class MembershipOut(BaseModel):
    """One tenant of the user, with the role there."""

    model_config = ConfigDict(extra="forbid")

    tenant: str
    name: str
    role: str


class Me(BaseModel):
    """The caller. `role` and `permissions` are those of the token, `memberships` those of this moment."""

    model_config = ConfigDict(extra="forbid")

    user: UserOut
    tenant: str
    role: str
    permissions: tuple[str, ...]
    memberships: tuple[MembershipOut, ...]


@router.get("/auth/me")
def me(caller: CallerNow, services: ServicesNow) -> Me:
    """The caller, if the session still runs: this call looks, so a portal that asks it notices a logout at once."""
    user = services.users.user(caller.user_id)
    if user is None or not Sessions(services.unit, services.now).lives(caller.session_id, caller.user_id):
        raise Unauthenticated("the session is over: sign in again")
    return Me(
        user=user_out(user),
        tenant=caller.tenant,
        role=caller.role,
        permissions=permissions_of(caller.role),
        memberships=tuple(
            MembershipOut(tenant=one.tenant, name=one.tenant_name, role=one.role)
            for one in services.users.memberships(caller.user_id)
        ),
    )
