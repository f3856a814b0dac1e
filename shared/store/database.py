"""Engines and the unit of work: reads at once, the write transaction from the first change to the end of the call."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from shared.errors import HouseError, TryAgain
from shared.settings import settings

BUSY_TIMEOUT_SECONDS = 10


_engines: dict[str, Engine] = {}


def _make_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=4, max_overflow=8)
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, pool_size=4, max_overflow=12
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _leave_connections_to_the_parent() -> None:
    for engine in _engines.values():
        pool = engine.pool
        if isinstance(pool, QueuePool) and pool.checkedin() + pool.checkedout() == 0:
            continue  # as in the child of a zygote; making the pool anew costs 0.5 ms
        engine.dispose(close=False)


# A child of a fork never uses its parent's connections; the statements that the parent has compiled it may.
os.register_at_fork(after_in_child=_leave_connections_to_the_parent)


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    limit = os.environ.get("BIZOSAAS_SQLITE_MAX_PAGES", "")
    if limit.isdigit():
        connection.execute(f"PRAGMA max_page_count={limit}")


def _begin_immediate(connection: Connection) -> None:
    # A transaction that may write takes the write lock at its start: two of them queue up instead of failing late.
    options = connection.get_execution_options()
    if options.get("reading"):
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('relaxed') else 'FULL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def engine(context: str) -> Engine:
    """The engine of a context's database (`orchestration`, `identity`, `audit`); one for each process."""
    url = settings().databases[context]
    if url not in _engines:
        _engines[url] = _make_engine(url)
    return _engines[url]


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn "cannot now" of a database (locked, full, gone) into `TryAgain`; other errors pass."""
    try:
        yield
    except DBAPIError as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from error


def translate(error: DBAPIError) -> HouseError | None:
    """`TryAgain` for an error that may pass, None for one that will not."""
    text = str(error.orig).lower()
    passing = ("locked", "busy", "full", "disk i/o", "unable to open", "readonly", "connection", "deadlock", "serializ")
    if error.connection_invalidated or any(word in text for word in passing):
        return TryAgain("the database cannot take this now; nothing was changed", retry_after=2)
    return None


class Unit:
    """One call's view of one database. Not for use by two threads at once.

    Reads before the first write see the committed state and hold no lock, so that long work (a model's answer)
    blocks nobody. From the first `write()` on, all runs in one transaction that `commit` ends.
    """

    def __init__(self, context: str) -> None:
        """`context` names the database."""
        self.context = context
        self._reader: Connection | None = None
        self._writer: Connection | None = None

    @property
    def _engine(self) -> Engine:
        return engine(self.context)

    @property
    def dirty(self) -> bool:
        """Whether a write transaction was begun."""
        return self._writer is not None

    def read(self) -> Connection:
        """The connection to read from: the transaction if there is one."""
        if self._writer is not None:
            return self._writer
        if self._reader is None:
            options = {"reading": True} if self._engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
            self._reader = self._engine.connect().execution_options(**options)
        return self._reader

    def write(self, *, relaxed: bool = False) -> Connection:
        """The connection to write to; begins the transaction. `relaxed` lets SQLite commit without waiting for
        the disk, for changes whose loss costs nothing but repeated work."""
        if self._writer is None:
            connection = self._engine.connect()
            try:
                if relaxed and connection.dialect.name == "sqlite":
                    connection = connection.execution_options(relaxed=True)
                connection.begin()
            except BaseException:
                connection.close()
                raise
            self._writer = connection
        return self._writer

    def commit(self) -> None:
        """Make all changes durable."""
        if self._writer is not None:
            self._writer.commit()
        self.close()

    def close(self) -> None:
        """Give the connections back; what was not committed is undone."""
        for connection in (self._writer, self._reader):
            if connection is not None:
                connection.close()
        self._writer = self._reader = None
