"""The databases of a platform, read past it: by the settings that it has, from a process that has others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from shared.settings import read_settings


class Stores:
    """Looks, and changes nothing. Connections last for one question: a server that was killed is not missed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`environ` holds the platform's settings."""
        settings = read_settings(environ)
        self._urls = {**settings.databases, "bus": settings.bus_url}
        self._engines: dict[str, Engine] = {}

    def rows(self, context: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a context's database, or the embedded "bus", answers; `values` stand for `?` in SQLite, for `%s` in
        PostgreSQL. Raises `SQLAlchemyError` when it cannot be asked."""
        with self._engine(context).connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query, values or None)]

    def _engine(self, context: str) -> Engine:
        if context not in self._engines:
            url = make_url(self._urls[context])
            arguments: dict[str, Any] = {"connect_timeout": 5}
            if url.drivername == "sqlite":
                url = make_url(f"sqlite:///file:{url.database}?mode=ro&uri=true")
                arguments = {"timeout": 10}
            self._engines[context] = create_engine(url, poolclass=NullPool, connect_args=arguments)
        return self._engines[context]

    def close(self) -> None:
        """Let go."""
        for engine in self._engines.values():
            engine.dispose()
