"""PostgreSQL's side of the store: how a process connects, and which of its errors may pass."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

#: What the server does for a process that sleeps, waits or has lost its way, in milliseconds. An idle connection is
#: closed by the server, so that hundreds of sleeping functions hold none; the pool makes a new one at the next call.
IDLE, IDLE_IN_TRANSACTION = 60_000, 120_000
#: As long as a statement waits for a lock; SQLite waits as long for its one.
LOCK_WAIT = 10_000
#: Connections of a process: those that it keeps from call to call, and those that it adds while it has much to do.
KEPT, ADDED = 4, 4
#: How long a call waits for one of them, and how long the server may take to answer a new one (seconds).
POOL_WAIT, CONNECT_WAIT = 10, 5

#: A connection that was used less than so many seconds ago is taken to be there still. Where it is not, the call is
#: told to come again, as when it is lost a moment later.
RESTED = 1.0
_USED_AT = "used_at"

#: SQLSTATEs (PostgreSQL 15, appendix A) that are over when one asks again: by class, the first two characters...
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})  # connection, rollback, resources, operator, system
#: ... and one by one: a lock or an object in use, a transaction cut off, a server that only reads (in a failover).
_PASSING = frozenset({"55P03", "55006", "25P03", "25P04", "25006"})


def make_engine(url: URL) -> Engine:
    """The engine of a `postgresql+psycopg` address; nothing is opened before its first use.

    A schema of its own is chosen in the address: `?options=-csearch_path=orchestration`.
    """
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what it leaves out while an error is on its way
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_use_lifo=True,
        pool_size=KEPT,
        max_overflow=ADDED,
        pool_timeout=POOL_WAIT,
        connect_args=_arguments(url),
    )
    event.listen(engine, "handle_error", _leave_rows_out)
    event.listen(engine.pool, "checkin", _note_use)
    event.listen(engine.pool, "checkout", partial(_ask_a_rested_one, engine))
    return engine


def _note_use(_connection: object, record: PoolProxiedConnection | ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def _ask_a_rested_one(engine: Engine, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Whether the server still has a connection that has rested: asked with a round trip, where none was made just now.
    The pool makes a new one for each that is gone (SQLAlchemy, "Disconnect Handling - Pessimistic")."""
    if time.monotonic() - record.info.get(_USED_AT, time.monotonic()) < RESTED:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError("the server has closed it") from error


def _arguments(url: URL) -> dict[str, Any]:
    given = url.query.get("options", ())
    own = {
        "idle_session_timeout": IDLE,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
        "lock_timeout": LOCK_WAIT,
    }
    words = [f"-c{name}={value}" for name, value in own.items()] + ([given] if isinstance(given, str) else list(given))
    return {
        "options": " ".join(words),
        "connect_timeout": int(str(url.query.get("connect_timeout", CONNECT_WAIT))),
        "application_name": f"bizosaas {os.environ.get('FUNCTION', '')}".strip(),
        # A server that vanished without a word (its machine is gone) is noticed in seconds, not hours.
        "tcp_user_timeout": 15_000,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }


def _leave_rows_out(context: ExceptionContext) -> None:
    """Keep the first line of an error only: those behind it quote the row, and an error is logged."""
    first = str(context.original_exception).partition("\n")[0]
    context.original_exception.args = (first,)
    if context.sqlalchemy_exception is not None:
        name = f"{type(context.original_exception).__module__}.{type(context.original_exception).__qualname__}"
        context.sqlalchemy_exception.args = (f"({name}) {first}",)


def may_pass(error: BaseException) -> bool:
    """Whether a psycopg error is over when one asks again; a connection that cannot be made has no SQLSTATE."""
    from psycopg import InterfaceError, OperationalError

    state = getattr(error, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] in _PASSING_CLASSES or state in _PASSING


def lock(connection: Connection, number: int) -> None:
    """Wait for the advisory lock of this number (64 bits, signed) and hold it to the end of the transaction."""
    connection.execute(_LOCK, {"number": number})


def relax(connection: Connection) -> None:
    """Let the transaction commit without waiting for the disk. A crash may lose it whole; nothing is damaged."""
    connection.execute(_RELAX)


_LOCK = text("SELECT pg_advisory_xact_lock(:number)")
_RELAX = text("SET LOCAL synchronous_commit TO off")
