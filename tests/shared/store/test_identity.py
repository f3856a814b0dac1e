"""The identity tables and their migrations say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from shared.settings import settings
from shared.store.database import engine
from shared.store.identity import metadata
from shared.store.migrate import migrate


def test_a_migrated_database_has_exactly_the_tables_of_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alembic finds no difference between the migrations' outcome and `shared.store.identity`."""
    monkeypatch.setenv("BIZOSAAS_IDENTITY_DATABASE_URL", f"sqlite:///{tmp_path}/identity.db")
    settings.cache_clear()
    try:
        migrate("identity")
        with engine("identity").connect().execution_options(reading=True) as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    finally:
        settings.cache_clear()
