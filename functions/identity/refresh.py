"""POST /auth/refresh: a refresh token is exchanged for the next pair of tokens, once."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from events.orchestration import AuditNoted
from shared.auth.sessions import Grant, Reused, Sessions
from shared.auth.signed_in import SignedIn, signed_in
from shared.errors import Unauthenticated
from shared.runtime.http import ServicesNow, operation_router
from shared.runtime.services import Services

router = operation_router()


class RefreshIn(BaseModel):
    """The refresh token of the last answer."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=200)]


@router.post("/auth/refresh")
def refresh(body: RefreshIn, services: ServicesNow, response: Response) -> SignedIn:
    """Go on with a session, with the role that the user has by now.

    A refresh token that comes a second time was copied: its session ends, with all its tokens, and the answer is 401.
    """
    grant = Sessions(services.unit, services.now).exchange(body.refresh_token.get_secret_value())
    if isinstance(grant, Reused):
        _record_reuse(grant, services)
    if not isinstance(grant, Grant):
        raise Unauthenticated("the session is over: sign in again")
    response.headers["cache-control"] = "no-store"
    return signed_in(grant)


def _record_reuse(reused: Reused, services: Services) -> None:
    if not reused.ended:  # the session was over: the same copy, once more
        return
    services.context = replace(services.context, tenant=reused.tenant)
    detail = {
        "user_id": reused.user_id,
        "address": services.request_address[:100],
        "device": services.request_device[:300],
    }
    services.emit(
        AuditNoted(actor="anonymous", action="identity.refresh_reused", target=reused.session_id, detail=detail)
    )
    services.keep_changes()
