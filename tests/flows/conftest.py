"""Platforms for the flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.flows.platform import Platform
from tests.flows.stacks import light_stack

MakePlatform = Callable[..., Platform]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform that many flows share; each makes its own tasks."""
    folder = tmp_path_factory.mktemp("shop")
    # requests that are made up sign in often
    platform = Platform(folder / "home", light_stack(folder), BIZOSAAS_LOGIN_RATE="off")
    try:
        yield platform.start()
    finally:
        platform.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[MakePlatform]:
    """Makes platforms as a light install runs them, of one home unless another is given; none is started yet."""
    made: list[Platform] = []

    def make(
        home: Path | None = None, annotations: Mapping[str, Mapping[str, str]] | None = None, **env: str
    ) -> Platform:
        stack = light_stack(tmp_path / f"stack{len(made)}", **annotations or {})
        made.append(Platform(home or tmp_path / "home", stack, **env))
        return made[-1]

    yield make
    for one in made:
        one.close()
