"""The way to Redis, and what "Redis is gone" means.

Gone is a Redis that cannot be reached, does not answer within half a second, or refuses (a wrong password, no
memory, still loading). It is all one to those who ask: they get `Away`, and for two seconds nobody of this process
asks again. Then one does, and while it waits for its answer the others still get `Away`. So a Redis that hangs costs
one call of a process half a second, now and then.

A connection belongs to one process and, for coroutines, to one event loop: none is carried across a fork.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

T = TypeVar("T")
#: How long an answer, and a connection, may take.
ANSWER_SECONDS = 0.5
#: How long Redis is left alone after it failed.
AWAY_SECONDS = 2.0

log = logging.getLogger("live")


class Away(Exception):
    """Raised when Redis cannot be asked now. The text says why, without a password."""


class Gate:
    """What a process knows of whether Redis is there."""

    def __init__(self, place: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`place` is shown: it holds no password."""
        self._place = place
        self._clock = clock
        self._why = ""
        self._closed_until = 0.0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around each question to Redis. Raises `Away` instead of asking, or for what the client raised."""
        from redis import RedisError

        now = self._clock()
        if now < self._closed_until:
            raise Away(self._why)
        if self._why:  # this one tries; the others need not wait with it
            self._closed_until = now + AWAY_SECONDS
        try:
            yield
        except (RedisError, OSError) as error:
            raise self._close(error) from error
        if self._why:
            log.warning("Redis at %s answers again", self._place)
            self._why, self._closed_until = "", 0.0

    def _close(self, error: Exception) -> Away:
        why = f"Redis at {self._place} cannot be asked: {type(error).__name__}"
        if why != self._why:
            log.warning("%s; it is asked again every %g s", why, AWAY_SECONDS)
        self._why, self._closed_until = why, self._clock() + AWAY_SECONDS
        return Away(why)


class Link:
    """Redis for threads."""

    def __init__(self, client: Redis, gate: Gate) -> None:
        """`client` has the short time limits of `open_link`."""
        self._client = client
        self._gate = gate

    def ask(self, use: Callable[[Redis], T]) -> T:
        """What `use` gets from Redis. Raises `Away`."""
        with self._gate.asking():
            return use(self._client)


class AsyncLink:
    """Redis for the coroutines of one event loop."""

    def __init__(self, client: AsyncRedis, gate: Gate) -> None:
        """`client` has the short time limits of `open_async`."""
        self._client = client
        self._gate = gate

    async def ask(self, use: Callable[[AsyncRedis], Awaitable[T]]) -> T:
        """What `use` gets from Redis. Raises `Away`."""
        with self._gate.asking():
            return await use(self._client)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def open_link(url: str, answer_seconds: float = ANSWER_SECONDS, gate: Gate | None = None) -> Link:
    """A link of the caller's own. Connects when first asked."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_limits(answer_seconds))
    return Link(client, gate or Gate(place_of(url)))


def open_async(url: str, answer_seconds: float = ANSWER_SECONDS, gate: Gate | None = None) -> AsyncLink:
    """A link of the caller's own, for the running event loop. Connects when first asked."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_limits(answer_seconds))
    return AsyncLink(client, gate or Gate(place_of(url)))


def _limits(seconds: float) -> dict[str, Any]:
    """Time limits, and RESP 2, which every server speaks."""
    return {"socket_connect_timeout": seconds, "socket_timeout": seconds, "protocol": 2}


def link(url: str) -> Link:
    """This process's link, for any of its threads."""
    return _link(url, os.getpid())


@cache
def _link(url: str, process: int) -> Link:
    return open_link(url, gate=_gate(url, process))


def gate_of(url: str) -> Gate:
    """What this process knows of this Redis."""
    return _gate(url, os.getpid())


@cache
def _gate(url: str, process: int) -> Gate:  # noqa: ARG001  # a child of a fork finds out for itself
    return Gate(place_of(url))


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncLink]] = WeakKeyDictionary()


def async_link(url: str) -> AsyncLink:
    """The link of the running event loop, for any of its coroutines."""
    links = _of_loops.setdefault(asyncio.get_running_loop(), {})
    if url not in links:
        links[url] = open_async(url, gate=gate_of(url))
    return links[url]


def place_of(url: str) -> str:
    """Where a Redis is, without user and password: host:port, or the path of a socket."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
