"""The table of roles and permissions."""

from __future__ import annotations

import pytest

from shared.auth.permissions import PERMISSIONS, ROLE_PERMISSIONS, allowed, permissions_of
from shared.contract import ROLES

# Written by hand from SYSTEM 8 and the issue: S super, T tenant administrator, U user, R reader, A agent.
EXPECTED = {
    "public": "STURA",
    "identity.self": "STUR",
    "tasks.submit": "STUA",
    "tasks.read": "STURA",
    "hitl.read": "STUR",
    "hitl.decide": "ST",
    "agents.read": "STURA",
    "audit.read": "ST",
    "operations.read": "ST",
    "operations.act": "ST",
    "events.publish": "STA",
    "events.deliver": "A",
}
LETTERS = dict(zip("STURA", ROLES, strict=True))


def test_every_role_has_a_row_and_every_permission_a_meaning() -> None:
    """The table is whole: no role is forgotten, no row names a permission that does not exist."""
    assert set(ROLE_PERMISSIONS) == set(ROLES)
    assert set(PERMISSIONS) == set(EXPECTED)
    assert all(row <= set(PERMISSIONS) for row in ROLE_PERMISSIONS.values())


@pytest.mark.parametrize("permission", sorted(EXPECTED))
@pytest.mark.parametrize("letter", "STURA")
def test_a_role_may_what_the_table_says_and_nothing_else(letter: str, permission: str) -> None:
    """Every cell."""
    assert allowed(LETTERS[letter], permission) == (letter in EXPECTED[permission])


def test_an_unknown_permission_is_an_error_for_everybody() -> None:
    """A misspelt permission is found, not silently denied or granted."""
    for role in (*ROLES, ""):
        with pytest.raises(ValueError, match=r"tasks\.sumbit"):
            allowed(role, "tasks.sumbit")


def test_an_unknown_role_may_nothing() -> None:
    """Default deny."""
    assert [name for name in PERMISSIONS if allowed("ROOT", name)] == ["public"]
    assert permissions_of("ROOT") == ()


def test_what_a_role_may_is_listed_sorted_and_without_public() -> None:
    """What `/auth/me` shows."""
    assert permissions_of("READONLY") == ("agents.read", "hitl.read", "identity.self", "tasks.read")
