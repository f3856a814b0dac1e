"""The migrations and the tables say the same, from wherever a database begins, on each engine."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select

from shared.runtime.clock import utc_now
from shared.settings import CONTEXTS
from shared.store.database import Unit, engine
from shared.store.migrate import alembic_config, current, head, migrate
from tests import databases

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Databases with nothing in them."""
    monkeypatch.setenv("BIZOSAAS_HOME", str(tmp_path))
    if request.param == "sqlite":
        with databases.sqlite(monkeypatch):
            yield "sqlite"
        return
    cluster = request.getfixturevalue("cluster")
    name = cluster.new()
    cluster.point_to(name, monkeypatch)
    yield "postgres"
    databases.forget_engines()
    cluster.drop(name)


def differences(context: str) -> list[Any]:
    """What Alembic would still have to do."""
    metadata = importlib.import_module(f"shared.store.{context}").metadata
    with engine(context).connect().execution_options(reading=True) as connection:
        options = {"compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


@pytest.mark.parametrize("context", CONTEXTS)
def test_an_empty_database_becomes_exactly_the_tables_of_the_module(empty: str, context: str) -> None:
    migrate(context)
    assert differences(context) == []
    assert current(context) == head(context)


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_database_of_the_version_before_is_brought_up_with_its_rows(empty: str, context: str) -> None:
    before = f"{int(head(context)) - 1:04d}"
    command.upgrade(alembic_config(context), before)
    assert differences(context) != [] or empty == "sqlite"  # there the counting of 64 bits changes nothing
    event = _event_row(context)
    migrate(context)
    assert differences(context) == []
    unit = Unit(context)
    outbox = importlib.import_module(f"shared.store.{context}").outbox
    assert [row.id for row in unit.read().execute(select(outbox))] == [event]
    unit.write().execute(insert(outbox).values(**_values("two", seq=2**40)))
    unit.commit()


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_way_back_that_is_there_works_and_so_does_the_way_up_again(empty: str, context: str) -> None:
    migrate(context)
    command.downgrade(alembic_config(context), "base")
    assert current(context) == ""
    migrate(context)
    assert differences(context) == []


def test_processes_that_start_at_once_upgrade_once(empty: str) -> None:
    program = "from shared.store.migrate import migrate_all; migrate_all()"
    started = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=os.environ, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [(process.communicate()[1], process.returncode) for process in started] == [("", 0)] * 3
    assert [current(context) for context in CONTEXTS] == [head(context) for context in CONTEXTS]


def test_a_value_of_the_longest_kind_that_the_edge_lets_in_is_kept(empty: str) -> None:
    """An inbox row is found by four texts at once; PostgreSQL's index takes 2,704 bytes of them."""
    migrate("orchestration")
    unit = Unit("orchestration")
    inbox = importlib.import_module("shared.store.orchestration").inbox
    key = {
        "function": "f" * 100,
        "tenant": "t" * 63,
        "source": "/" + os.urandom(499).hex(),
        "id": os.urandom(500).hex(),
    }
    unit.write().execute(insert(inbox).values(**key, handled_at=utc_now()))
    unit.commit()


def _event_row(context: str) -> str:
    unit = Unit(context)
    outbox = importlib.import_module(f"shared.store.{context}").outbox
    unit.write().execute(insert(outbox).values(**_values("one")))
    unit.commit()
    return "one"


def _values(event_id: str, **more: Any) -> dict[str, Any]:
    texts = dict.fromkeys(("tenant", "subject", "type", "actor", "destination", "key"), "x")
    return {**texts, "id": event_id, "time": utc_now(), "to_queue": False, "priority": 0, "body": b"{}", **more}
