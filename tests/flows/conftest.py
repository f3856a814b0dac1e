"""Platforms for the flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.platform import Platform


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform that many flows share; each makes its own tasks."""
    platform = Platform(tmp_path_factory.mktemp("home"))
    try:
        yield platform.start()
    finally:
        platform.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Makes platforms, of one home unless another is given; none is started yet."""
    made: list[Platform] = []

    def make(home: Path | None = None, **environment: str) -> Platform:
        made.append(Platform(home or tmp_path / "home", **environment))
        return made[-1]

    yield make
    for one in made:
        one.close()
