"""The demo users' password can be changed from the environment."""

from __future__ import annotations

import pytest

from shared.auth.passwords import matches
from shared.auth.users import SeedUser, Users, change_passwords, seed
from shared.errors import Invalid
from shared.store.database import Unit

ADA = SeedUser("ada@demo.example", "Ada", "demo", "Demo", "USER")


def _hash_of(email: str) -> str | None:
    unit = Unit("identity")
    try:
        login = Users(unit).find_login(email)
        return login.password_hash if login else None
    finally:
        unit.close()


def test_a_changed_password_is_the_one_that_matches(unit: Unit) -> None:
    unit.close()
    seed([ADA], lambda _email: "the first password")
    change_passwords(["ada@demo.example", "nobody@demo.example"], "the second password")
    assert matches(_hash_of("ada@demo.example"), "the second password")
    assert not matches(_hash_of("ada@demo.example"), "the first password")
    assert _hash_of("nobody@demo.example") is None


def test_a_bad_password_changes_nothing(unit: Unit) -> None:
    unit.close()
    seed([ADA], lambda _email: "the first password")
    with pytest.raises(Invalid):
        change_passwords(["ada@demo.example"], "short")
    assert matches(_hash_of("ada@demo.example"), "the first password")
