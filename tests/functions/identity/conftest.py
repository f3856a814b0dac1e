"""The identity functions as they are served: each one's application, on one home folder, with two seeded tenants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from events.envelope import Envelope, decode
from shared.auth import keys, passwords, tokens
from shared.auth.users import SeedUser, seed
from shared.runtime import transaction
from shared.runtime.app import build
from shared.runtime.load import find
from shared.runtime.services import Services
from shared.settings import settings
from shared.store.database import Unit, engine
from shared.store.identity import outbox
from shared.store.migrate import migrate

PASSWORD = "correct horse battery"
PEOPLE = (
    SeedUser("user@demo.example", "Uma", "demo", "Demo shop", "USER"),
    SeedUser("both@demo.example", "Bo", "demo", "Demo shop", "READONLY"),
    SeedUser("both@demo.example", "Bo", "other", "Other shop", "TENANT_ADMIN"),
)


class House:
    """Calls functions over ASGI from one address, with a clock that one can put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._apps: dict[str, Any] = {}

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def call(
        self, function: str, body: Any = None, *, token: str = "", address: str = "192.0.2.1", **headers: str
    ) -> Any:
        spec = find(function)
        app = self._apps.setdefault(function, build(spec))
        headers |= {"x-forwarded-for": address, "user-agent": "Browser 1.0"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        method, _, path = spec.route.partition(" ")
        return TestClient(app).request(method, path, json=body, headers=headers)

    def login(self, email: str = "user@demo.example", password: str = PASSWORD, **more: Any) -> Any:
        address = more.pop("address", "192.0.2.1")
        return self.call("identity-login", {"email": email, "password": password, **more}, address=address)

    def refresh(self, token: str) -> Any:
        return self.call("identity-refresh", {"refresh_token": token})

    def said(self) -> list[Envelope]:
        """The events in the outbox, in order."""
        unit = Unit("identity")
        try:
            return [decode(row.body) for row in unit.read().execute(select(outbox.c.body).order_by(outbox.c.seq))]
        finally:
            unit.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_engine: str) -> Iterator[House]:
    """A running identity room. Hashes are made at the least cost."""
    monkeypatch.setenv("BIZOSAAS_HOME", str(tmp_path))
    for name in ("BIZOSAAS_SECRETS_DIR", "BIZOSAAS_BUS_URL", "BIZOSAAS_ISSUER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(passwords, "COST", passwords.Cost(passes=1, memory=8, lanes=1))
    for cached in (settings, tokens.verifier):
        cached.cache_clear()
    tokens._service_tokens.clear()
    keys.ensure_keys(tmp_path / "secrets")
    migrate("identity")
    seed(PEOPLE, lambda email: PASSWORD)
    house = House()
    monkeypatch.setattr(transaction, "Services", partial(Services, now=house.now))
    yield house
    engine("identity").dispose()
    for cached in (settings, tokens.verifier):
        cached.cache_clear()
