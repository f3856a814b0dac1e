"""Alembic's way in: one transaction for each upgrade, on the database of the context that was asked for."""

from __future__ import annotations

import importlib

from alembic import context
from sqlalchemy import text

from shared.store.database import engine

name = context.config.attributes["context"]
metadata = importlib.import_module(f"shared.store.{name}").metadata

#: Of several processes that start at once one upgrades, and the others find it done; they wait as long as it takes,
#: but the upgrade itself waits for no busy table: it fails, and is tried again.
ONE_AT_A_TIME = (
    "SET LOCAL lock_timeout TO 0",
    "SELECT pg_advisory_xact_lock(hashtextextended('bizosaas migration ' || current_schema(), 0))",
    "SET LOCAL lock_timeout TO DEFAULT",
)

with engine(name).connect() as connection:
    if connection.dialect.name == "postgresql":
        for statement in ONE_AT_A_TIME:
            connection.execute(text(statement))
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
