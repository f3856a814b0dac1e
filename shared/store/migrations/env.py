"""Alembic's way in: one transaction for each upgrade, on the database of the context that was asked for."""

from __future__ import annotations

import importlib

from alembic import context

from shared.store.database import engine

name = context.config.attributes["context"]
metadata = importlib.import_module(f"shared.store.{name}").metadata

with engine(name).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=True,
        user_module_prefix="columns.",
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
