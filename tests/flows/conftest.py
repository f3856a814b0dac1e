"""Platforms for the flows."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("flow_platform", Path(__file__).with_name("platform.py"))
assert _spec is not None
assert _spec.loader is not None
_module: ModuleType = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One platform that many flows share; each makes its own tasks."""
    platform = _module.Platform(tmp_path_factory.mktemp("home"))
    try:
        yield platform.start()
    finally:
        platform.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes platforms of one home: `platform(KEY=value)` starts nothing yet."""
    made: list[Any] = []

    def make(home: Path | None = None, **environment: str) -> Any:
        made.append(_module.Platform(home or tmp_path / "home", **environment))
        return made[-1]

    yield make
    for one in made:
        one.close()
