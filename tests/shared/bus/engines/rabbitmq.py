"""RabbitMQ under the contract tests: a virtual host of the test run's own, emptied between tests, and short times."""

from __future__ import annotations

import atexit
import json
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote, urlsplit

from shared.bus.port import Bus
from shared.bus.rabbitmq import RabbitBus
from shared.bus.rabbitmq.address import parse_address
from shared.bus.rabbitmq.broker import Broker
from shared.bus.rabbitmq.layout import CLASSIC, QUORUM, QueueOptions, declared_queues
from shared.bus.rabbitmq.session import Session
from tests.engines import rabbitmq_management_url, rabbitmq_url
from tests.shared.bus.world import World, topology

UNIT = 0.05  # real seconds for one of the world's


@contextmanager
def world(folder: Path, kind: str = QUORUM) -> Iterator[World]:
    """Empty queues, declared once for the run."""
    joined: list[Bus] = []
    address = virtual_host(kind)
    empty(address, kind)

    def join_one() -> Bus:
        joined.append(RabbitBus(address, topology(UNIT)))
        return joined[-1]

    name = "rabbitmq" if kind == QUORUM else "rabbitmq_classic"
    yield World(name, address, lambda seconds: time.sleep(seconds * UNIT), time.time, join_one, join_one(), UNIT)
    for bus in joined:
        bus.close()
        for bell in bus.bells():
            bell.close()


def join(address: str) -> Bus:
    """Another process's user of that virtual host (`worker.py`)."""
    return RabbitBus(address, topology(UNIT), prefetch=10)


@cache
def virtual_host(kind: str) -> str:
    """The address of a new virtual host with the queues of the contract tests."""
    name = f"test-{kind}-{token_hex(4)}"
    manage("PUT", f"vhosts/{name}")
    user = urlsplit(rabbitmq_url()).username or ""
    manage("PUT", f"permissions/{name}/{quote(user)}", {"configure": ".*", "write": ".*", "read": ".*"})
    atexit.register(manage, "DELETE", f"vhosts/{name}")
    address = urlsplit(rabbitmq_url())._replace(path=f"/{name}").geturl()
    session = Session(parse_address(address), "tests")
    Broker(session, topology(UNIT), QueueOptions(kind)).apply()
    session.close()
    return address


def empty(address: str, kind: str) -> None:
    """Take everything out of the queues. Whoever consumed has let go by now."""
    session = Session(parse_address(address), "tests")
    for queue in declared_queues(topology(UNIT), QueueOptions(kind), session.version()):
        session.ask(lambda channel, done, name=queue.name: channel.queue_purge(name, callback=done))
    session.close()


def manage(method: str, path: str, body: object = None) -> bytes:
    """One call of the management API."""
    parts = urlsplit(rabbitmq_management_url())
    request = urllib.request.Request(
        f"http://{parts.hostname}:{parts.port}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "content-type": "application/json",
            "authorization": "Basic " + b64encode(f"{parts.username}:{parts.password}".encode()).decode(),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        content: bytes = answer.read()
    return content


__all__ = ["CLASSIC", "QUORUM", "empty", "join", "manage", "virtual_host", "world"]
