"""Where the tests of the store keep their state: SQLite files in a home, or a database of each test's own in the
PostgreSQL that `scripts/services` has up, with a schema for each context.

A database is made and migrated once in a test run, and emptied for the next test: milliseconds instead of a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event, make_url
from sqlalchemy.pool import Pool, PoolProxiedConnection

from shared.runtime import outbox
from shared.settings import CONTEXTS, settings
from shared.store import database
from shared.store.migrate import migrate_all

ENGINES = ("sqlite", "postgres")


def variable(context: str) -> str:
    """The setting that says where a context's state is."""
    return f"BIZOSAAS_{context.upper()}_DATABASE_URL"


#: Delete the rows of all tables, whatever refers to what, and let what counts begin at 1 again.
EMPTY = """
DO $$
DECLARE one record;
BEGIN
    SET LOCAL session_replication_role TO replica;
    FOR one IN SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname IN ('orchestration', 'identity', 'audit') AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM %I.%I', one.schemaname, one.tablename); END LOOP;
    FOR one IN SELECT schemaname, sequencename FROM pg_sequences WHERE last_value IS NOT NULL
    LOOP PERFORM setval(format('%I.%I', one.schemaname, one.sequencename), 1, false); END LOOP;
END $$
"""


class Cluster:
    """A PostgreSQL server that the tests may make databases in."""

    def __init__(self, address: str) -> None:
        """`address` is of a database whose user may make others."""
        self._address = make_url(address)
        self._admin = psycopg.connect(self._plain(self._address.database), autocommit=True)
        self._made: list[str] = []
        self._free: list[str] = []

    def _plain(self, name: str | None) -> str:
        url = self._address.set(drivername="postgresql", database=name)
        return url.render_as_string(hide_password=False)

    def connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        """Beside the product's own connections, to look and to meddle."""
        return psycopg.connect(self._plain(name), autocommit=True)

    def new(self) -> str:
        """The name of a new database with nothing but a schema for each context."""
        name = f"t_{uuid4().hex}"
        self._admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        self._made.append(name)
        with self.connect(name) as connection:
            for context in CONTEXTS:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(context)))
        return name

    def take(self) -> str:
        """The name of a database that is migrated to the head, with no row in it, until it is given back."""
        if self._free:
            return self._free.pop()
        name = self.new()
        with pytest.MonkeyPatch.context() as patched:
            self.point_to(name, patched)
            migrate_all()
            forget_engines()
        settings.cache_clear()
        return name

    def give_back(self, name: str) -> None:
        """End who is still connected to it, and empty it."""
        self._admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        with self.connect(name) as connection:
            connection.execute(EMPTY)
        self._free.append(name)

    def drop(self, name: str) -> None:
        """Take a database away, with whoever is still connected."""
        self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        self._made.remove(name)

    def urls(self, name: str) -> Mapping[str, str]:
        """The settings that put each context's state into a schema of this database."""
        there = self._address.set(database=name)
        return {
            variable(context): there.update_query_dict({"options": f"-csearch_path={context}"}).render_as_string(
                hide_password=False
            )
            for context in CONTEXTS
        }

    def point_to(self, name: str, patched: pytest.MonkeyPatch) -> None:
        """Let this process, and those that it starts, use the database."""
        for key, value in self.urls(name).items():
            patched.setenv(key, value)
        settings.cache_clear()

    def close(self) -> None:
        """Leave nothing behind."""
        for name in list(self._made):
            self.drop(name)
        self._admin.close()


@contextmanager
def sqlite(patched: pytest.MonkeyPatch) -> Iterator[None]:
    """State in files of the home, whatever the environment says."""
    for context in CONTEXTS:
        patched.delenv(variable(context), raising=False)
    settings.cache_clear()
    yield
    forget_engines()


@contextmanager
def postgres(cluster: Cluster, patched: pytest.MonkeyPatch) -> Iterator[str]:
    """State in a database of its own, whose name it gives."""
    name = cluster.take()
    cluster.point_to(name, patched)
    taken: list[PoolProxiedConnection] = []

    def note(_connection: Any, _record: Any, proxy: PoolProxiedConnection) -> None:
        taken.append(proxy)

    event.listen(Pool, "checkout", note)
    try:
        yield name
    finally:
        event.remove(Pool, "checkout", note)
        for proxy in taken:  # a test may leave a unit of work open
            if proxy.is_valid:
                proxy.invalidate()
        forget_engines()
        cluster.give_back(name)


def forget_engines() -> None:
    """Close this process's connections to all databases that it knows. What was sent is noted before: the thread that
    does it soon would be left with a connection that nobody closes."""
    if database._engines:
        outbox.sent().note()
    for engine in database._engines.values():
        engine.dispose()
    database._engines.clear()
    settings.cache_clear()
