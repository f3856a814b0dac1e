"""The rate in Redis is the rate of `rate.take`, for all processes together; it starts anew where Redis does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from shared.live import limits
from shared.live.link import Away, open_async
from shared.live.rate import Rate
from tests.redis_server import RedisServer

T = TypeVar("T")
#: A limit for what is not about limits.
PATIENT = 20.0


def ask(server: RedisServer, do: Callable[[Any], Awaitable[T]]) -> T:
    async def go() -> T:
        link = open_async(server.url, PATIENT)
        try:
            return await do(link)
        finally:
            await link.close()

    return asyncio.run(go())


def test_of_many_at_once_exactly_the_burst_passes(redis: RedisServer) -> None:
    """From ten clients, as ten processes would; the rate is too slow to matter meanwhile."""
    wanted = [("k", Rate(0.001, 37))]

    async def go() -> list[float]:
        links = [open_async(redis.url, PATIENT) for _ in range(10)]
        waits = await asyncio.gather(*(limits.take(links[number % 10], wanted) for number in range(100)))
        for link in links:
            await link.close()
        return waits

    waits = asyncio.run(go())
    assert sum(wait == 0 for wait in waits) == 37
    assert all(990 < wait <= 1000 for wait in waits if wait)


def test_all_rates_of_a_request_count_or_none_does(redis: RedisServer) -> None:
    wide, narrow = ("wide", Rate(0.001, 3)), ("narrow", Rate(0.001, 1))

    async def go(link: Any) -> list[bool]:
        both = [await limits.take(link, [wide, narrow]) == 0 for _ in range(5)]
        return both + [await limits.take(link, [wide]) == 0 for _ in range(4)]

    assert ask(redis, go) == [True, False, False, False, False, True, True, False, False]


def test_a_key_is_kept_for_as_long_as_it_says_something(redis: RedisServer) -> None:
    """Two of a burst of 5 at 1/s: all is forgotten, and all is allowed again, after two seconds."""

    async def go(link: Any) -> None:
        for _ in range(2):
            assert await limits.take(link, [("k", Rate(1, 5))]) == 0

    ask(redis, go)
    with redis.client() as client:
        assert 1500 < client.pttl("k") <= 2000


@pytest.mark.parametrize("text", ["", "nonsense", "-5", "9" * 15])
def test_what_is_no_time_counts_as_nothing_known(redis: RedisServer, text: str) -> None:
    with redis.client() as client:
        client.set("k", text)
    assert ask(redis, lambda link: limits.take(link, [("k", Rate(1, 1))])) == 0


def test_an_emptied_redis_begins_anew_and_a_dead_one_is_away(own_redis: RedisServer) -> None:
    wanted = [("k", Rate(0.001, 1))]
    assert ask(own_redis, lambda link: limits.take(link, wanted)) == 0
    assert ask(own_redis, lambda link: limits.take(link, wanted)) > 0
    own_redis.empty()
    assert ask(own_redis, lambda link: limits.take(link, wanted)) == 0
    own_redis.kill()
    with pytest.raises(Away):
        ask(own_redis, lambda link: limits.take(link, wanted))
