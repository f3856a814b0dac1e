"""A busy table is changed without stopping those who work on it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DataError, ResourceClosedError, SQLAlchemyError

from shared.errors import Invalid, TryAgain
from shared.settings import CONTEXTS
from shared.store import migrate
from shared.store.changing import LOCK_WAIT
from tests import databases
from tests.databases import Cluster
from tests.versions import with_one_more

ROOT = Path(__file__).resolve().parents[3]
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orchestration.ix_tasks_channel'::regclass"
COLUMN = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'tasks' AND column_name = 'channel'"


@pytest.fixture
def database(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database at the head, when there is one version more."""
    name = cluster.new()
    cluster.point_to(name, monkeypatch)
    migrate.migrate_all()
    monkeypatch.setattr(migrate, "VERSIONS", with_one_more(tmp_path))
    yield name
    databases.forget_engines()
    cluster.drop(name)


@pytest.fixture
def busy(cluster: Cluster, database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Somebody in a transaction that has read the tasks."""
    with cluster.connect(database) as connection:
        connection.autocommit = False
        connection.execute("SELECT count(*) FROM orchestration.tasks")
        yield connection


def test_who_comes_after_a_change_of_a_busy_table_waits_for_a_moment_only(
    cluster: Cluster,
    database: str,
    busy: psycopg.Connection[tuple[object, ...]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The change gives up its place, and is made when the table is free."""
    changing = threading.Thread(target=migrate.migrate, args=("orchestration",))
    changing.start()
    waits: list[float] = []
    with cluster.connect(database) as another:
        while len([one for one in caplog.messages if "is busy" in one]) < 2:
            began = time.monotonic()
            another.execute("SELECT count(*) FROM orchestration.tasks")
            waits.append(time.monotonic() - began)
        assert another.execute(COLUMN.encode()).fetchone() == (0,)
    busy.rollback()
    changing.join(60)
    assert migrate.current("orchestration") == migrate.head("orchestration")
    # Each waited for one try at most; what is more is the machine's.
    assert LOCK_WAIT / 1000 / 2 < max(waits) < LOCK_WAIT / 1000 + 5


def test_a_table_that_stays_busy_is_left_as_it_is(
    busy: psycopg.Connection[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PATIENCE", "SHORTEST_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(migrate, name, 0.0)
    with pytest.raises(TryAgain, match="the tables of orchestration are too busy to be changed"):
        migrate.migrate("orchestration")
    assert migrate.current("orchestration") != migrate.head("orchestration")


def test_an_index_that_a_crash_left_half_built_is_built_anew(cluster: Cluster, database: str) -> None:
    with cluster.connect(database) as connection:
        connection.execute("CREATE INDEX ix_tasks_channel ON orchestration.tasks (type)")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
                           "'orchestration.ix_tasks_channel'::regclass")  # fmt: skip
        migrate.migrate("orchestration")
        assert connection.execute(VALID.encode()).fetchone() == (True,)
        there = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_tasks_channel'").fetchone()
    assert there is not None
    assert str(there[0]).endswith("(type, channel)")


def test_the_way_back_is_there(cluster: Cluster, database: str) -> None:
    migrate.migrate("orchestration")
    migrate.step_back("orchestration")
    with cluster.connect(database) as connection:
        assert connection.execute(COLUMN.encode()).fetchone() == (0,)
    migrate.migrate("orchestration")
    assert migrate.current("orchestration") == migrate.head("orchestration")


def test_processes_that_build_an_index_at_once_do_not_wait_for_each_other(database: str) -> None:
    """CREATE INDEX CONCURRENTLY waits for whoever has a snapshot; so nobody has one while he waits for his turn."""
    program = (
        "import sys; from pathlib import Path; from shared.store import migrate; "
        "migrate.VERSIONS = Path(sys.argv[1]); migrate.migrate_all()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(migrate.VERSIONS)],
            cwd=ROOT, env=os.environ, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    assert [(process.communicate()[1], process.returncode) for process in started] == [("", 0)] * 3
    assert [migrate.current(context) for context in CONTEXTS] == [migrate.head(context) for context in CONTEXTS]


def test_the_command_says_what_it_has_done_and_shows_no_password(
    database: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command_line = [sys.executable, "-m", "shared.store.migrate"]
        return subprocess.run(command_line, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("orchestration is at 0")
    monkeypatch.setenv("BIZOSAAS_AUDIT_DATABASE_URL", "postgresql+psycopg://u:secret@127.0.0.1:1/audit")
    failed = run()
    assert failed.returncode == 75
    assert "secret" not in failed.stdout + failed.stderr


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (
            ResourceClosedError("This Connection is closed"),
            TryAgain,
            "the database of orchestration cannot be used: the connection to the database was lost",
        ),
        (DataError("UPDATE", {}, psycopg.DataError("too long")), Invalid, "a value is larger than can be kept"),
        (ResourceClosedError("a result without rows was read"), ResourceClosedError, "without rows"),
    ],
)
def test_what_breaks_a_change_off_is_said_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch, error: SQLAlchemyError, raised: type[Exception], said: str
) -> None:
    """A database that was lost is worth another try; what it cannot keep, and a fault of ours, is not."""

    def broken(_context: str) -> None:
        raise error

    monkeypatch.setattr(migrate, "migrate", broken)
    with pytest.raises(raised, match=said):
        migrate.migrate_all()
