"""One SQLite file, shared by many processes, threads and forks: how it is made, opened, and how it fails."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from shared.bus.embedded.schema import SCHEMA, VERSION
from shared.errors import HouseError, TryAgain

# What may well go away by itself or by an operator's hand. Source: https://www.sqlite.org/rescode.html
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF  # the low byte of an extended result code is the primary one


class Damaged(HouseError):
    """Raised when the bus file is no bus file, or is corrupt: nothing helps but restoring it."""

    title = "The bus file is damaged"


class Database:
    """The file and this process's one connection to it, opened at the first transaction.

    Threads take turns: SQLite has one writer at a time anyway. No connection ever crosses a fork (an inherited
    one makes SQLite believe in locks that the child does not hold, and the last to close would remove the log
    under the other): before a fork the connection is closed, and both sides open their own when they need it.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        """Nothing is opened yet. `busy_seconds` is how long to wait for others before TryAgain."""
        self.path = path
        self._busy_seconds = busy_seconds
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._holder = 0  # the thread that is in `together`
        self._spoilt = False
        _close_before_forks()
        _databases.add(self)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block's changes or none. TryAgain (locked, full, unreadable) or Damaged; both change nothing."""
        if self._holder == threading.get_ident():
            with self._part() as connection:
                yield connection
            return
        if not self._turn.acquire(timeout=self._busy_seconds):
            raise TryAgain(f"{self.path.name} is busy", retry_after=1.0)
        try:
            connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise _translated(error, self.path) from error
            raise
        finally:
            self._turn.release()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """The transactions of this thread inside the block are one. When one of them fails, all of them have."""
        with self.transaction():
            self._holder, self._spoilt = threading.get_ident(), False
            try:
                yield
                if self._spoilt:
                    raise self._spoilt_by_a_part()
            finally:
                self._holder = 0

    @contextlib.contextmanager
    def _part(self) -> Iterator[sqlite3.Connection]:
        if self._spoilt or self._connection is None:
            raise self._spoilt_by_a_part()
        try:
            yield self._connection
        except BaseException as error:
            self._spoilt = True
            if isinstance(error, sqlite3.Error):
                raise _translated(error, self.path) from error
            raise

    def _spoilt_by_a_part(self) -> TryAgain:
        return TryAgain(f"{self.path.name}: a part could not be done, so nothing was", retry_after=1.0)

    def close(self) -> None:
        """Close the connection after the transaction that runs, if one does."""
        with self._turn:
            self._drop()

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            _create(self.path)
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                raise Damaged(f"{self.path.name} is not a bus file of version {VERSION} (it says {version})")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _roll_back(self) -> None:
        """Undo what the failed transaction did; a connection that cannot even do that is closed, which undoes it."""
        if self._connection is None:
            return
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _create(path: Path) -> None:
    """Make the file in one step, so that nobody ever opens one half made; whoever comes second uses the first's."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.") as folder:
            fresh = Path(folder) / "new"
            with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(SCHEMA)
            fresh.chmod(0o600)
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
    except OSError as error:
        raise TryAgain(f"{path.name} cannot be made: {error.strerror}", retry_after=1.0) from error


def _translated(error: sqlite3.Error, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code in _PASSING:
        return TryAgain(f"{path.name}: {error}", retry_after=1.0)
    if code in _DAMAGE:
        return Damaged(f"{path.name}: {error}")
    return error


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_paused: list[Database] = []  # those whose turn the forking thread holds


@cache
def _close_before_forks() -> None:
    os.register_at_fork(before=_pause, after_in_parent=_resume, after_in_child=_resume)


def _pause() -> None:
    """Wait for running transactions to end and close. In one order, so that two forking threads cannot deadlock."""
    for database in sorted(_databases, key=id):
        database._turn.acquire()
        database._drop()
        _paused.append(database)


def _resume() -> None:
    paused = _paused.copy()
    _paused.clear()  # before the first release: another forking thread may fill it at once
    for database in paused:
        database._turn.release()
