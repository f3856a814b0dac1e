"""Alembic's way in: upgrades the database of the context that was asked for, beside those who work on it."""

from __future__ import annotations

import importlib

from alembic import context

from shared.store.changing import alone
from shared.store.database import engine

name = context.config.attributes["context"]
metadata = importlib.import_module(f"shared.store.{name}").metadata

with engine(name).connect() as connection, alone(connection):
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=True,
        # PostgreSQL: no lock of one version is held while the next one waits. SQLite: its lock is what keeps us alone.
        transaction_per_migration=connection.dialect.name == "postgresql",
        user_module_prefix="columns.",
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
