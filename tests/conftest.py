"""What every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of its own, with keys and with all databases at their head."""
    from shared.auth.keys import ensure_keys

    from shared.store.migrate import migrate_all

    monkeypatch.setenv("BIZOSAAS_HOME", str(tmp_path))
    settings.cache_clear()
    ensure_keys(settings().secrets)
    migrate_all()
    yield tmp_path
    settings.cache_clear()
