"""The real engines for tests: the addresses of what `scripts/services up` has started.

Each call skips the test with a clear line where the engine is not up; in CI, which starts them all, it fails it. The
engines are shared: a test takes a database, a virtual host or names of its own.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from scripts.engines import fleet, postgres, rabbitmq
from scripts.engines.instance import Instance
from scripts.engines.table import ENGINES


def postgres_url(database: str = "postgres") -> str:
    """`postgresql+psycopg://user:password@host:port/database`; the user may make databases."""
    return postgres.url(_up("postgres"), database)


def rabbitmq_url() -> str:
    """`amqp://user:password@host:port/vhost`; the user may make virtual hosts."""
    return rabbitmq.url(_up("rabbitmq"))


def rabbitmq_management_url() -> str:
    """`http://user:password@host:port` of the management API."""
    return rabbitmq.management_url(_up("rabbitmq"))


def kafka_servers() -> str:
    """`host:port`, the bootstrap server."""
    return _url("kafka")


def redis_url() -> str:
    """`redis://:password@host:port/0`."""
    return _url("redis")


def s3_url() -> str:
    """`http://host:port`, the endpoint; any credentials do."""
    return _url("s3")


def _url(name: str) -> str:
    return ENGINES[name].url(_up(name))


def need(*names: str) -> None:
    """For a test that starts engines of its own: skips it, in CI fails it, where this machine lacks what one needs."""
    lacking = [lack.what for name in names for lack in ENGINES[name].missing()]
    if lacking:
        _without(f"not found: {', '.join(lacking)}: scripts/services up installs or names it")


def _up(name: str) -> Instance:
    instance = fleet.answering(name, fleet.home())
    if instance is None:
        _without(f"{name} is not up: scripts/services up {name}")
    return instance


def _without(text: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)
