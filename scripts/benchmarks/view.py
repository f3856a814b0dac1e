"""What became of tasks, read from the databases past the platform: SQLite files of a home, or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from shared.settings import CONTEXTS


class View(Protocol):
    """Looks into the contexts' databases. `PAUSE` is for how long to wait between two looks for one task, in seconds:
    a server's CPU is measured, and looking costs it something."""

    PAUSE: float

    def statuses(self, ids: Sequence[str]) -> dict[str, int]:
        """How many of these tasks there are of each status."""
        ...

    def settled(self) -> bool:
        """Whether every fact that was said is on record."""
        ...

    def close(self) -> None:
        """Let go of the databases."""
        ...


_FACTS = "SELECT count(*) FROM outbox WHERE NOT to_queue"
_RECORDED = "SELECT count(*) FROM record"


class Files:
    """`View` of a home."""

    PAUSE = 0.0005

    def __init__(self, home: Path) -> None:
        """Opens them to read."""
        self._files = {name: sqlite3.connect(f"file:{home}/{name}.db?mode=ro", uri=True) for name in CONTEXTS}

    def statuses(self, ids: Sequence[str]) -> dict[str, int]:
        """See `View`."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT status, count(*) FROM tasks WHERE id IN ({marks}) GROUP BY status"
        return dict(self._files["orchestration"].execute(query, list(ids)).fetchall())

    def settled(self) -> bool:
        """See `View`."""
        facts = sum(self._files[name].execute(_FACTS).fetchone()[0] for name in CONTEXTS)
        return bool(self._files["audit"].execute(_RECORDED).fetchone()[0] == facts)

    def close(self) -> None:
        """See `View`."""
        for file in self._files.values():
            file.close()


class Server:
    """`View` of PostgreSQL; `environment` has the addresses."""

    PAUSE = 0.005

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Connects."""
        import psycopg

        self._connections: dict[str, Any] = {
            name: psycopg.connect(
                environment[f"BIZOSAAS_{name.upper()}_DATABASE_URL"].replace("+psycopg", ""), autocommit=True
            )
            for name in CONTEXTS
        }

    def statuses(self, ids: Sequence[str]) -> dict[str, int]:
        """See `View`."""
        query = "SELECT status, count(*) FROM tasks WHERE id = ANY(%s) GROUP BY status"
        return dict(self._connections["orchestration"].execute(query, [list(ids)]).fetchall())

    def settled(self) -> bool:
        """See `View`."""
        facts = sum(self._connections[name].execute(_FACTS).fetchone()[0] for name in CONTEXTS)
        return bool(self._connections["audit"].execute(_RECORDED).fetchone()[0] == facts)

    def close(self) -> None:
        """See `View`."""
        for connection in self._connections.values():
            connection.close()


@contextmanager
def counter(environment: Mapping[str, str], query: str) -> Iterator[Callable[[], int]]:
    """What a count in orchestration's PostgreSQL says; 0 while its table is not there."""
    import psycopg

    def count() -> int:
        try:
            (row,) = connection.execute(query)
            return int(row[0])
        except psycopg.errors.UndefinedTable:
            return 0

    address = environment["BIZOSAAS_ORCHESTRATION_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        yield count
