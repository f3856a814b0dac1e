"""What every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from shared.settings import settings

if TYPE_CHECKING:
    from tests.databases import Cluster

# How long an example takes says more of the machine than of the code. On a clean machine the examples are always the
# same ones; at home they differ from run to run, and find what those do not.
hypothesis.settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("house")


#: The rooms whose tests of state run on both engines: what keeps state, and what must hold when many change it.
ON_BOTH = tuple(
    Path(__file__).parent / room
    for room in ("shared/store", "shared/runtime", "shared/coordination", "shared/auth", "shared/agents", "functions")
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of these rooms that use a store on each engine, the others on SQLite."""
    if "state_engine" in metafunc.fixturenames and any(
        metafunc.definition.path.is_relative_to(room) for room in ON_BOTH
    ):
        marker = metafunc.definition.get_closest_marker("stores")
        metafunc.parametrize("state_engine", marker.args if marker else ["sqlite", "postgres"], indirect=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The PostgreSQL of the tests."""
    from tests.databases import Cluster
    from tests.engines import postgres_url

    cluster = Cluster(postgres_url())
    yield cluster
    cluster.close()


@pytest.fixture
def state_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine that state is kept in, by its name; migrated where that is PostgreSQL."""
    from tests import databases

    name = getattr(request, "param", "sqlite")
    if name == "sqlite":
        with databases.sqlite(monkeypatch):
            yield name
        return
    with databases.postgres(request.getfixturevalue("cluster"), monkeypatch):
        yield name


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_engine: str) -> Iterator[Path]:
    """A home folder of its own, with keys and with all databases at their head."""
    from shared.auth.keys import ensure_keys
    from shared.store.migrate import migrate_all

    monkeypatch.setenv("BIZOSAAS_HOME", str(tmp_path))
    _forget()
    ensure_keys(settings().secrets)
    migrate_all()
    yield tmp_path
    _forget()


def _forget() -> None:
    """What a process remembers of its one home, a test's process forgets between two, connections included."""
    from shared.auth import tokens
    from shared.runtime import buses, outbox
    from shared.store.database import engine

    outbox.sent().note()  # its thread must not meet the next test's home
    for context in settings().databases:
        engine(context).dispose()
    settings.cache_clear()
    tokens.verifier.cache_clear()
    tokens._service_tokens.clear()
    outbox._publisher.cache_clear()
    buses._bus.cache_clear()
