"""RabbitMQ's classic queues under the contract tests: the ones that keep every priority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.shared.bus.engines import rabbitmq
from tests.shared.bus.engines.rabbitmq import join
from tests.shared.bus.world import World

__all__ = ["join", "world"]


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """As RabbitMQ's other world, with the other kind of queue."""
    with rabbitmq.world(folder, rabbitmq.CLASSIC) as world:
        yield world
