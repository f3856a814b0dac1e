"""One world per engine: each contract test runs in those that its mark names (`world.WORK`, `world.FACTS`).

To add an engine: a module in `engines/` with `world(folder)` and `join(address)`, and its name in the marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from shared.bus.port import Bus
from tests.shared.bus.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker("engines")
    if mark is not None and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", mark.args)


@pytest.fixture
def world(engine: str, tmp_path: Path) -> Iterator[World]:
    with import_module(f"tests.shared.bus.engines.{engine}").world(tmp_path) as world:
        yield world
        world.close_workers()


@pytest.fixture
def bus(world: World) -> Bus:
    return world.bus
