"""Who may do what: one table from role to permissions. What is not in it is not permitted."""

from __future__ import annotations

#: Every permission that a function may ask for, and what it covers.
PERMISSIONS: dict[str, str] = {
    "public": "call without a token",
    "identity.self": "see and end one's own session",
    "tasks.submit": "ask for work",
    "tasks.read": "see the tenant's tasks and their timelines",
    "hitl.read": "see what waits for a human, and the numbers about it",
    "hitl.decide": "approve, modify or reject",
    "agents.read": "see the agent roles and their state",
    "audit.read": "see who did what",
    "operations.read": "see the state of the work, the topology, the queues and what died in them",
    "operations.act": "send dead letters again, or discard them",
    "events.publish": "bring in domain events of a backend",
    "events.deliver": "hand an event to a function: the bridge, the timers and dispatch only",
}

_READ = frozenset({"tasks.read", "hitl.read", "agents.read"})
_SELF = frozenset({"public", "identity.self"})

#: An administrator of a tenant also reads its record (it names people), speaks for its backends, and looks after its
#: dead letters; those of other tenants are for SUPER_ADMIN (`shared.auth.scope`).
ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    "SUPER_ADMIN": frozenset(PERMISSIONS) - {"events.deliver"},
    "TENANT_ADMIN": _SELF
    | _READ
    | {"tasks.submit", "hitl.decide", "audit.read", "events.publish", "operations.read", "operations.act"},
    "USER": _SELF | _READ | {"tasks.submit"},
    "READONLY": _SELF | _READ,
    "AGENT": frozenset({"public", "tasks.submit", "tasks.read", "agents.read", "events.publish", "events.deliver"}),
}


def allowed(role: str, permission: str) -> bool:
    """Whether a role has a permission; an unknown role has only "public".

    Raises `ValueError` for a permission that no table row names: a misspelt one must not pass as "nobody".
    """
    if permission not in PERMISSIONS:
        raise ValueError(f"no permission is named {permission!r}")
    return permission == "public" or permission in ROLE_PERMISSIONS.get(role, frozenset())


def permissions_of(role: str) -> tuple[str, ...]:
    """What a role may do, sorted, without "public"; nothing for an unknown role."""
    return tuple(sorted(ROLE_PERMISSIONS.get(role, frozenset()) - {"public"}))
