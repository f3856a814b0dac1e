"""Identity: users, tenants, roles, permissions."""

from __future__ import annotations

from events.event import DomainEvent
from events.fields import Id, Line


class UserLoggedIn(DomainEvent):
    """A user proved who they are and got a session."""

    TOPIC = "domain.identity"
    user_id: Id
    session_id: Id
    method: str = "password"
    address: Line = ""
    device: Line = ""


class TenantSwitched(DomainEvent):
    """A user who belongs to several tenants went on in another one."""

    TOPIC = "domain.identity"
    user_id: Id
    from_tenant: Id
    to_tenant: Id


class PermissionGranted(DomainEvent):
    """An administrator gave a user a role or a permission."""

    TOPIC = "domain.identity"
    user_id: Id
    role: Id
    granted_by: Id
    permission: Line = ""
