"""Engines and the unit of work: reads at once, the write transaction from the first change to the end of the call.

What SQLite gives by having one writer at a time, PostgreSQL gives by name: `Unit.alone` for what has no row yet (a
tenant's chain, an order), `SELECT ... FOR UPDATE` for what has one (a task), compare-and-set and unique keys on both.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from shared.errors import HouseError, Invalid, TryAgain
from shared.settings import settings

BUSY_TIMEOUT_SECONDS = 10
#: SQLite's connections of a process: those kept, and those added while it has much to do. A call may have two.
KEPT, ADDED = 4, 12

T = TypeVar("T")
log = logging.getLogger("store")
_engines: dict[str, Engine] = {}
_making = threading.Lock()


def _make_engine(context: str, text: str) -> Engine:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = make_url("unreadable://")
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        from shared.store import postgres

        return postgres.make_engine(url.set(drivername="postgresql+psycopg"))
    if url.drivername != "sqlite":  # an address may hold a password: it is not shown
        name = f"BIZOSAAS_{context.upper()}_DATABASE_URL"
        raise Invalid.field(name, "must be postgresql+psycopg://user:password@host:port/database or sqlite:///<path>")
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, pool_size=KEPT, max_overflow=ADDED
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
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    limit = os.environ.get("BIZOSAAS_SQLITE_MAX_PAGES", "")
    if limit.isdigit():
        connection.execute(f"PRAGMA max_page_count={limit}")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Of a file that is in that mode already, as all are but new ones, this is asked and not done. Where two change a
    new file at once, SQLite tells one of them at once that it is locked: waiting might be for each other."""
    until = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.005)  # between two tries


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
        with _making:  # of two that were made at once, one would be lost with its connections open
            if url not in _engines:
                _engines[url] = _make_engine(context, url)
    return _engines[url]


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn "cannot now" of a database (locked, full, gone) into `TryAgain`; other errors pass."""
    try:
        yield
    except SQLAlchemyError as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from error


def translate(error: SQLAlchemyError) -> HouseError | None:
    """`TryAgain` for an error that may pass, `Invalid` for a value that PostgreSQL cannot keep (U+0000 in a text, one
    too long for its column), None for any other. What it was is logged, without values."""
    if isinstance(error, PoolTimeout):
        return TryAgain("all connections to the database are in use; nothing was changed", retry_after=2)
    if isinstance(error, PendingRollbackError) or _closed(error):
        return TryAgain(_LOST, retry_after=2)
    if isinstance(error, StatementError) and isinstance(error.orig, HouseError):
        return error.orig  # a value's own: an object of it cannot be kept just now
    if isinstance(error, DataError):
        log.warning("the database cannot keep a value: %s", first_line(error))
        return Invalid("a text holds the character U+0000, or a value is larger than can be kept")
    if not isinstance(error, DBAPIError) or not (error.connection_invalidated or _may_pass(error)):
        return None
    log.warning("the database cannot take this now: %s: %s", type(error.orig).__name__, first_line(error))
    lost = error.connection_invalidated and error.statement is None  # in a commit: it may have been the last word
    return TryAgain(_LOST if lost else "the database cannot take this now; nothing was changed", retry_after=2)


def _closed(error: SQLAlchemyError) -> bool:
    """A connection that was lost in what came before. A result without rows that is read is a fault of ours, of the
    same type."""
    return isinstance(error, ResourceClosedError) and "Connection is closed" in str(error)


_LOST = "the connection to the database was lost; asked again in the same words it happens once"
_PASSING = ("locked", "busy", "full", "disk i/o", "unable to open", "readonly")


def _may_pass(error: DBAPIError) -> bool:
    if error.orig is None or isinstance(error.orig, sqlite3.Error):
        return any(word in str(error.orig).lower() for word in _PASSING)
    from shared.store import postgres

    return postgres.may_pass(error.orig)


def first_line(error: DBAPIError) -> str:
    """What the database said; the lines behind it quote values."""
    return str(error.orig).partition("\n")[0]


class Unit:
    """One call's view of one database. Not for use by two threads at once.

    Reads before the first write see the committed state and hold no lock, so that long work (a model's answer)
    blocks nobody. From the first `write()` on, all runs in one transaction that `commit` ends. On PostgreSQL a call
    has one connection, and each statement of its transaction sees what others have committed by then.
    """

    def __init__(self, context: str) -> None:
        """`context` names the database."""
        self.context = context
        self._reader: Connection | None = None
        self._writer: Connection | None = None
        self._gathered: dict[Callable[[Unit, Any], None], list[Any]] = {}

    @property
    def _engine(self) -> Engine:
        return engine(self.context)

    @property
    def dirty(self) -> bool:
        """Whether a write transaction was begun, or there is something to write."""
        return self._writer is not None or bool(self._gathered)

    @property
    def many_writers(self) -> bool:
        """Whether the engine lets several write at once: claims then lock their rows and skip those of others."""
        return self._engine.dialect.name != "sqlite"

    def read(self) -> Connection:
        """The connection to read from: the transaction if there is one."""
        if self._writer is not None:
            return self._writer
        if self._reader is None:
            options = {"isolation_level": "AUTOCOMMIT"} if self.many_writers else {"reading": True}
            self._reader = self._engine.connect().execution_options(**options)
        return self._reader

    def write(self, *, relaxed: bool = False) -> Connection:
        """The connection to write to; begins the transaction. `relaxed` lets it commit without waiting for the
        disk, for changes whose loss costs nothing but repeated work."""
        if self._writer is None:
            connection = self._connection()
            try:
                if relaxed and not self.many_writers:
                    connection = connection.execution_options(relaxed=True)
                connection.begin()
                if relaxed and self.many_writers:
                    _postgres().relax(connection)
            except BaseException:
                _close(connection)
                raise
            self._writer = connection
        return self._writer

    def _connection(self) -> Connection:
        """For the transaction: on PostgreSQL the one that was read from, which then is not held beside it."""
        if not self.many_writers:
            return self._engine.connect()
        connection, self._reader = self._reader or self._engine.connect(), None
        if connection.in_transaction():
            connection.rollback()  # of reads, each of which stood alone
        return connection.execution_options(isolation_level="READ COMMITTED")

    def alone(self, *name: str) -> Connection:
        """As `write`, once nobody else holds this name: two that call this with the same name come one after the
        other, each to the end of its transaction. Take the names of one transaction in one order everywhere."""
        connection = self.write()
        if self.many_writers:
            digest = hashlib.blake2b("\0".join((self.context, *name)).encode(), digest_size=8).digest()
            _postgres().lock(connection, int.from_bytes(digest, signed=True))
        return connection

    def gather(self, item: T, write: Callable[[Unit, list[T]], None]) -> None:
        """Let `write` be called once for all that is gathered for it, at the transaction's end: many rows cost little
        more than one. Nobody sees them before."""
        self._gathered.setdefault(write, []).append(item)

    def flush(self) -> None:
        """Write what was gathered, now."""
        gathered, self._gathered = self._gathered, {}
        for write, items in gathered.items():
            write(self, items)

    def rest(self) -> None:
        """Give the connection back before long work that reads nothing; the next read takes one again."""
        if self._reader is not None and self._writer is None:
            _close(self._reader)
            self._reader = None

    def commit(self) -> None:
        """Make all changes durable."""
        self.flush()
        if self._writer is not None:
            self._writer.commit()
        self.close()

    def close(self) -> None:
        """Give the connections back; what was not committed is undone."""
        self._gathered.clear()
        held = (self._writer, self._reader)
        self._writer = self._reader = None
        for connection in held:
            if connection is not None:
                _close(connection)


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except SQLAlchemyError:  # it was lost, and cannot even be told to undo: the server has undone it
        connection.invalidate()
        connection.close()


def _postgres() -> Any:
    from shared.store import postgres

    return postgres
