"""Changing tables that others work on: one at a time, never long in front of a busy table, indexes beside the work.

`docs/operations/migrations.md` says which changes are safe. SQLite has one writer, and needs none of this.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op
from sqlalchemy import Connection, text

#: How long a change waits for a table, in milliseconds: whoever comes after it waits as long, so it gives up soon and
#: is tried again (`migrate`).
LOCK_WAIT = 500
_ASK_AGAIN_SECONDS = 0.2

# Asked again and again: one that waited in the server would itself be waited for by a CREATE INDEX CONCURRENTLY.
_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended('bizosaas migration ' || current_schema(), 0))")
_UNREADY = text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Of several processes that upgrade a database at once one does, and the others find it done; they wait for it as
    long as it takes. The connection is not used for anything else afterwards."""
    if connection.dialect.name != "postgresql":
        yield
        return
    try:
        connection.execute(text(f"SET lock_timeout TO {LOCK_WAIT}"))
        while not connection.execute(_TAKE).scalar_one():
            connection.commit()
            time.sleep(_ASK_AGAIN_SECONDS)
        connection.commit()
        yield
    finally:
        connection.invalidate()  # ends its session, and with it what it holds, however this went


def create_index(name: str, table: str, columns: Sequence[str], *, unique: bool = False) -> None:
    """In a migration: an index, on PostgreSQL built while others write. One that a crash left half built is built anew;
    one that is whole is left. What the migration did before it is committed first, so it comes first."""
    if op.get_context().dialect.name != "postgresql":
        op.create_index(name, table, columns, unique=unique)
        return
    with _beside_the_work():
        if op.get_bind().execute(_UNREADY, {"name": name}).first():
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(name, table, columns, unique=unique, postgresql_concurrently=True, if_not_exists=True)


def drop_index(name: str, table: str) -> None:
    """In a migration: the index is no more; as `create_index`."""
    if op.get_context().dialect.name != "postgresql":
        op.drop_index(name, table)
        return
    with _beside_the_work():
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)


@contextmanager
def _beside_the_work() -> Iterator[None]:
    """Outside of transactions. It may wait for those that are under way, for nobody waits for it."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout TO 0")
        try:
            yield
        finally:
            op.execute(f"SET lock_timeout TO {LOCK_WAIT}")
