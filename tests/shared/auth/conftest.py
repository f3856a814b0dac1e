"""The world of an identity test: a home folder of its own, keys, a migrated database, a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.auth import keys, passwords, tokens
from shared.settings import settings
from shared.store.database import Unit, engine
from shared.store.migrate import migrate


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.at = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **duration: float) -> None:
        self.at += timedelta(**duration)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_engine: str) -> Iterator[Path]:
    """An empty home folder that the settings of this process point to."""
    monkeypatch.setenv("BIZOSAAS_HOME", str(tmp_path))
    for name in ("BIZOSAAS_SECRETS_DIR", "BIZOSAAS_ISSUER"):
        monkeypatch.delenv(name, raising=False)
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    engine("identity").dispose()
    settings.cache_clear()
    tokens.verifier.cache_clear()
    tokens._service_tokens.clear()


@pytest.fixture
def secrets(home: Path) -> Path:
    """The secrets folder with fresh keys."""
    keys.ensure_keys(home / "secrets")
    return home / "secrets"


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 at its least cost: what is tested is which work is done, not how long it takes."""
    monkeypatch.setattr(passwords, "COST", passwords.Cost(passes=1, memory=8, lanes=1))


@pytest.fixture
def unit(home: Path) -> Iterator[Unit]:
    """A unit of work over a fresh identity database."""
    migrate("identity")
    one = Unit("identity")
    yield one
    one.close()
