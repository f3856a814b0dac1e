"""What every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from shared.settings import settings

# How long an example takes says more of the machine than of the code. On a clean machine the examples are always the
# same ones; at home they differ from run to run, and find what those do not.
hypothesis.settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("house")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of its own, with keys and with all databases at their head."""
    from shared.auth.keys import ensure_keys
    from shared.store.migrate import migrate_all

    monkeypatch.setenv("BIZOSAAS_HOME", str(tmp_path))
    _forget()
    ensure_keys(settings().secrets)
    migrate_all()
    yield tmp_path
    _forget()


def _forget() -> None:
    """What a process remembers of its one home, a test's process forgets between two, connections included."""
    from shared.auth import tokens
    from shared.runtime import buses, outbox
    from shared.store.database import engine

    for context in settings().databases:
        engine(context).dispose()
    settings.cache_clear()
    tokens.verifier.cache_clear()
    tokens._service_tokens.clear()
    outbox._publisher.cache_clear()
    buses._bus.cache_clear()
