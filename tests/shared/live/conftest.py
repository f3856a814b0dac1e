"""A Redis for the tests of the live room: one that is emptied before each test, and one of a test's own to hurt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.end()


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """Empty, and never hurt."""
    shared_redis.empty()
    return shared_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """To hurt."""
    server = RedisServer(tmp_path / "redis")
    yield server
    server.end()
