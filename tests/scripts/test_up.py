"""The demo users' password is the one that stands in the home, whatever breaks a start off."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import up
from shared.auth import passwords
from shared.auth.users import Users
from shared.errors import TryAgain
from shared.store.database import Unit

FIRST, SECOND = "the first of two", "the second of two"


def works(password: str) -> bool:
    unit = Unit("identity")
    try:
        found = Users(unit).find_login("reader@demo.example")
    finally:
        unit.close()
    return found is not None and passwords.matches(found.password_hash, password)


def broken_off(*_: object) -> None:
    raise TryAgain("the database is locked")


def test_a_change_of_the_password_that_was_broken_off_is_made_good(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", passwords.Cost(1, 8, 1))
    monkeypatch.setenv("BIZOSAAS_DEMO_PASSWORD", FIRST)
    up._prepare(home)
    assert works(FIRST)
    monkeypatch.setenv("BIZOSAAS_DEMO_PASSWORD", SECOND)
    with monkeypatch.context() as broken:
        broken.setattr(up, "change_passwords", broken_off)
        with pytest.raises(TryAgain):
            up._prepare(home)
    up._prepare(home)
    assert works(SECOND)
    assert (home / "demo-password").read_text() == f"{SECOND}\n"


def test_a_first_start_that_was_broken_off_leaves_a_password_that_works(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "COST", passwords.Cost(1, 8, 1))
    monkeypatch.delenv("BIZOSAAS_DEMO_PASSWORD", raising=False)
    with monkeypatch.context() as broken:
        broken.setattr(up, "_keep", broken_off)
        with pytest.raises(TryAgain):
            up._prepare(home)
    up._prepare(home)
    assert works((home / "demo-password").read_text().strip())
