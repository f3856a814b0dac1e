"""Who may call: the token first, then the permission, before a byte of the body is read."""

from __future__ import annotations

from collections.abc import Iterable

from shared.contract import Caller, FunctionSpec
from shared.errors import Forbidden, Unauthenticated

ANYONE = Caller(user_id="", tenant="", role="")


def authorise(spec: FunctionSpec, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
    """The verified caller. Raises `Unauthenticated` or `Forbidden`; "public" functions take anyone."""
    if spec.permission == "public":
        return ANYONE
    from shared.auth.permissions import allowed
    from shared.auth.tokens import verify

    caller: Caller = verify(bearer(headers))
    if not allowed(caller.role, spec.permission):
        raise Forbidden(f"the role {caller.role} lacks the permission {spec.permission}")
    return caller


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The one bearer token of a request's headers (lower-case names). Raises `Unauthenticated`."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) != 1:
        raise Unauthenticated("send one Authorization header: Bearer and the access token of /auth/login")
    scheme, _, token = values[0].partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must be: Bearer TOKEN")
    return token.strip()
