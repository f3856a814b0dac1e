"""What the database cannot do just now is told apart from faults of ours."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ResourceClosedError

from shared.errors import TryAgain
from shared.store import database
from shared.store.database import Unit, database_errors, engine


def test_a_connection_that_was_lost_before_comes_again_and_a_misread_result_is_a_fault(home: Path) -> None:
    unit = Unit("orchestration")
    connection = unit.read()
    connection.close()
    with pytest.raises(TryAgain), database_errors():
        connection.execute(text("SELECT 1"))
    unit.close()
    result = unit.write().execute(text("UPDATE tasks SET status = 'x' WHERE 1 = 0"))
    with pytest.raises(ResourceClosedError), database_errors():
        result.all()
    unit.close()


def test_threads_that_come_first_at_once_share_one_engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two, one would be lost, with its connections open."""
    monkeypatch.setattr(database, "_engines", {})
    make = database._make_engine
    both = threading.Barrier(2)

    def when_both_are_here(context: str, url: str) -> Engine:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        return make(context, url)

    monkeypatch.setattr(database, "_make_engine", when_both_are_here)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(engine, ["orchestration"] * 2)
    assert first is second
    first.dispose()
