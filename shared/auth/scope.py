"""Whose things a caller may look at: one's own tenant's, or, for who runs the platform, everybody's."""

from __future__ import annotations

from shared.contract import Caller
from shared.errors import NotFound


def sees_all(caller: Caller) -> bool:
    """Whether the caller runs the platform, not one tenant of it."""
    return caller.role == "SUPER_ADMIN"


def tenant_asked(caller: Caller, asked: str | None) -> str:
    """The tenant that a call is about: the caller's when none is asked for; "" is the platform itself.

    Raises `NotFound` for another tenant's, whether there is such a tenant or not.
    """
    if asked is None or asked == caller.tenant:
        return caller.tenant
    if not sees_all(caller):
        raise NotFound(f"nothing is known of the tenant {asked!r}")
    return asked
