"""POST /auth/login: a person proves who they are and gets a session."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from events.identity import UserLoggedIn
from events.orchestration import AuditNoted
from shared.auth import passwords
from shared.auth.sessions import Sessions
from shared.auth.signed_in import SignedIn, signed_in
from shared.auth.throttle import Throttle
from shared.auth.users import EMAIL, TENANT_ID, Login, Membership
from shared.errors import Forbidden, Unauthenticated
from shared.runtime.http import ServicesNow, operation_router
from shared.runtime.services import Services

router = operation_router()


class LoginIn(BaseModel):
    """The proof. Without a tenant the session is for the one that the user joined first."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(max_length=320, pattern=EMAIL)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=passwords.LONGEST)]
    tenant: Annotated[str | None, Field(pattern=TENANT_ID)] = None


@router.post("/auth/login", responses={403: {"description": "The user does not belong to this tenant"}})
def login(body: LoginIn, services: ServicesNow, response: Response) -> SignedIn:
    """Sign in with e-mail and password.

    An unknown e-mail, a disabled user and a wrong password get the same 401 after the same work. Too many failures
    are 429 with Retry-After. The password is checked outside the write transaction: it takes its time.
    """
    password = body.password.get_secret_value()
    throttle = Throttle(services.unit, body.email, services.request_address, services.now)
    throttle.refuse_early()
    found = services.users.find_login(body.email)
    services.unit.rest()
    right = passwords.matches(found.password_hash if found else None, password)
    fresh_hash = _fresh_hash(found, password) if found and right else None
    throttle.begin_outcome()
    if found is None or not right:
        throttle.failed()
        _record_failure(found, services)
        raise Unauthenticated("the e-mail or the password is wrong")
    membership = _membership(found, body.tenant)
    throttle.succeeded()
    if found.password_hash and fresh_hash:
        services.users.replace_hash(found.user.id, found.password_hash, fresh_hash)
    response.headers["cache-control"] = "no-store"
    return _open(found, membership, services)


def _fresh_hash(found: Login, password: str) -> str | None:
    if found.password_hash and passwords.needs_rehash(found.password_hash):
        return passwords.hash_password(password)
    return None


def _membership(found: Login, tenant: str | None) -> Membership:
    for one in found.memberships:
        if tenant in (None, one.tenant):
            return one
    raise Forbidden("you do not belong to this tenant")  # the same for one that does not exist


def _open(found: Login, membership: Membership, services: Services) -> SignedIn:
    address, device = services.request_address[:100], services.request_device[:300]
    grant = Sessions(services.unit, services.now).open(
        found.user, membership.tenant, membership.role, address=address, device=device
    )
    # The call came without a token; from here on it is this person's, in this tenant, and so are its events.
    services.context = replace(services.context, tenant=membership.tenant, actor=found.user.id)
    services.emit(UserLoggedIn(user_id=found.user.id, session_id=grant.session_id, address=address, device=device))
    return signed_in(grant)


def _record_failure(found: Login | None, services: Services) -> None:
    """Put the failure on record, with the user's first tenant if there is such a user, and keep it past the 401."""
    detail = {"address": services.request_address[:100], "device": services.request_device[:300]}
    if found and found.memberships:
        services.context = replace(services.context, tenant=found.memberships[0].tenant)
    target = found.user.id if found else "unknown account"  # not what was typed: it may be a password
    services.emit(AuditNoted(actor="anonymous", action="identity.login_failed", target=target, detail=detail))
    services.keep_changes()
