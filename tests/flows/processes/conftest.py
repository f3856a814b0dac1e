"""Platforms on real PostgreSQL, RabbitMQ and Kafka, whose processes can be hurt. The engines are the tests' own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.trial.engines import Engines
from tests.flows.platform import Platform
from tests.flows.processes.realm import NAMES, Realm
from tests.flows.stacks import light_stack

MakeHouse = Callable[..., Platform]


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """Nobody hurts them: the tests take realms in them."""
    with tempfile.TemporaryDirectory(prefix="bad-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # the servers' users look for their own folders inside
        with Engines(Path(folder), NAMES) as engines:
            yield engines


@pytest.fixture
def house(engines: Engines, tmp_path: Path) -> Iterator[MakeHouse]:
    """Makes one platform in a realm of its own, as a light install runs it; it is not started yet. It takes
    `heartbeat` and `session` of its realm, and annotations of its stack."""
    made: list[tuple[Platform, Realm]] = []

    def make(heartbeat: int = 0, session: int = 0, **annotations: dict[str, str]) -> Platform:
        realm = Realm(engines, heartbeat, session)
        stack = light_stack(tmp_path / f"stack{len(made)}", **annotations)
        made.append((Platform(tmp_path / f"home{len(made)}", stack, **realm.environment), realm))
        return made[-1][0]

    yield make
    for one, realm in made:
        one.close()
        log = [*map(str, one.lines), *one.errors]  # for whoever looks why it failed
        (tmp_path / f"{one.home.name}.log").write_text("\n".join(log))
        realm.close()
