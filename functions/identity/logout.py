"""POST /auth/logout: the caller's session ends."""

from __future__ import annotations

from events.orchestration import AuditNoted
from shared.auth.sessions import Sessions
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()


@router.post("/auth/logout", status_code=204)
def logout(caller: CallerNow, services: ServicesNow) -> None:
    """End the session of the access token: its refresh tokens work no more. Doing it again changes nothing.

    The access token itself works until it expires, 15 minutes at most (`shared.auth.tokens` says why).
    """
    if Sessions(services.unit, services.now).end(caller.session_id, caller.user_id, "signed out"):
        services.emit(AuditNoted(actor=caller.user_id, action="identity.logged_out", target=caller.session_id))
