"""A virtual host with empty queues, and a network before it that a test can break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from scripts.trial.proxy import Proxy
from shared.bus.rabbitmq import RabbitBus
from tests.shared.bus.engines import rabbitmq
from tests.shared.bus.world import topology

#: One of the topology's seconds: queues live for minutes, and back off for half a second.
UNIT = 1.0


@pytest.fixture
def address() -> str:
    """The broker itself."""
    address = rabbitmq.virtual_host(rabbitmq.QUORUM)
    rabbitmq.empty(address, rabbitmq.QUORUM)
    return address


@pytest.fixture
def proxy(address: str) -> Iterator[Proxy]:
    parts = urlsplit(address)
    proxy = Proxy(parts.hostname or "", parts.port or 0)
    yield proxy
    proxy.close()


@pytest.fixture
def join(address: str) -> Iterator[Callable[..., RabbitBus]]:
    """Makes users of the broker, through another address if one is given; closes them at the end."""
    joined: list[RabbitBus] = []

    def join(url: str = address, **options: int) -> RabbitBus:
        joined.append(RabbitBus(url, topology(UNIT), **options))
        return joined[-1]

    yield join
    for bus in joined:
        bus.close()
        for bell in bus.bells():
            bell.close()


@pytest.fixture
def bus(join: Callable[..., RabbitBus]) -> RabbitBus:
    return join()


@pytest.fixture
def far(join: Callable[..., RabbitBus], proxy: Proxy, address: str) -> RabbitBus:
    """A user behind the proxy."""
    return join(proxy.through(address))
