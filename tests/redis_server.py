"""A Redis of a test's own, to kill, suspend, empty and bring back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts import services


class RedisServer:
    """One server in a folder, with a password."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self.folder = folder
        self.start()

    def start(self) -> None:
        """Have it answer, on the same port with what it kept."""
        instance = services.start("redis", self.folder)
        self.url = services.ENGINES["redis"].url(instance)
        self.password = instance.password

    def kill(self) -> None:
        """kill -9."""
        services.kill("redis", self.folder)

    def suspend(self) -> None:
        """It holds its connections and answers nobody."""
        services.suspend("redis", self.folder)

    def resume(self) -> None:
        """It goes on."""
        services.resume("redis", self.folder)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client as anybody has it."""
        from redis import Redis

        with Redis.from_url(self.url, decode_responses=True) as client:
            yield client

    def empty(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()

    def end(self) -> None:
        """End it and remove what it kept."""
        services.resume("redis", self.folder)
        services.stop("redis", self.folder, wipe=True)
