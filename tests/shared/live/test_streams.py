"""A stream shows each entry once, in order, to all who read it; it is bounded, and says when something is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from shared.live import streams
from shared.live.entries import Entry
from shared.live.link import Away, open_async, open_link
from shared.live.streams import FORGET_SECONDS, KEPT, STALE_SECONDS, START, Line, Shown, publish
from tests.redis_server import RedisServer

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PATIENT = 20.0


def shown(number: int, tenant: str = "acme", age: float = 0.0, kind: str = "opened") -> Shown:
    entry = Entry("approvals", kind, {"request_id": f"r-{number}"})
    return Shown(tenant, f"e-{number}", NOW - timedelta(seconds=age), entry)


def show(server: RedisServer, *some: Shown) -> None:
    publish(open_link(server.url, PATIENT), some, NOW)


def ask(server: RedisServer, do: Callable[[Any], Awaitable[T]]) -> T:
    async def go() -> T:
        link = open_async(server.url, PATIENT)
        try:
            return await do(link)
        finally:
            await link.close()

    return asyncio.run(go())


def lines(server: RedisServer, after: str = START, tenant: str = "acme") -> list[Line]:
    return ask(server, lambda link: streams.read(link, tenant, "approvals", after, 0))


def requests(found: list[Line]) -> list[str]:
    return [json.loads(line.data)["request_id"] for line in found]


def test_all_who_read_see_all_of_their_tenant_in_order(redis: RedisServer) -> None:
    show(redis, shown(1), shown(2), shown(9, "other"))
    show(redis, shown(3))
    assert requests(lines(redis)) == requests(lines(redis)) == ["r-1", "r-2", "r-3"]
    assert requests(lines(redis, tenant="other")) == ["r-9"]
    first = lines(redis)[0]
    assert first.kind == "opened"
    assert json.loads(first.data) == {"at": NOW.isoformat(), "request_id": "r-1"}
    assert requests(lines(redis, first.place)) == ["r-2", "r-3"]


def test_the_same_twice_shows_once_and_a_fact_may_show_two_things(redis: RedisServer) -> None:
    show(redis, shown(1), shown(1), shown(1, kind="decided"))
    show(redis, shown(1))
    assert [line.kind for line in lines(redis)] == ["opened", "decided"]


def test_a_stream_is_bounded_and_so_is_what_it_remembers_and_both_are_forgotten(redis: RedisServer) -> None:
    show(redis, *(shown(number) for number in range(3 * KEPT)))
    with redis.client() as client:
        stream = streams.key("acme", "approvals")
        assert KEPT <= client.xlen(stream) <= KEPT * 1.2
        assert client.zcard(f"{stream}:names") == 2 * KEPT
        for name in (stream, f"{stream}:names"):
            assert 0 < client.ttl(name) <= FORGET_SECONDS
    show(redis, shown(3 * KEPT - 1), shown(2 * KEPT))
    assert requests(lines(redis, lines_end := newest(redis))) == [], lines_end


def newest(server: RedisServer) -> str:
    return ask(server, lambda link: streams.newest(link, "acme", "approvals"))


def missed_nothing(server: RedisServer, place: str) -> bool:
    return ask(server, lambda link: streams.missed_nothing(link, "acme", "approvals", place))


def test_who_comes_again_is_told_whether_something_is_missing(redis: RedisServer) -> None:
    assert newest(redis) == START
    assert missed_nothing(redis, START)
    show(redis, shown(1), shown(2))
    place = newest(redis)
    assert missed_nothing(redis, START)
    assert missed_nothing(redis, place)
    show(redis, *(shown(number) for number in range(3, 3 * KEPT)))
    assert not missed_nothing(redis, place)
    assert not missed_nothing(redis, START)
    later = newest(redis)
    redis.empty()
    assert not missed_nothing(redis, later)


def test_what_is_old_is_not_live_and_who_comes_again_learns_of_it(redis: RedisServer) -> None:
    show(redis, shown(1), shown(1, "other"))
    place = newest(redis)
    show(redis, shown(2, age=STALE_SECONDS), shown(3))
    assert requests(lines(redis)) == ["r-3"]
    assert not missed_nothing(redis, place)
    assert requests(lines(redis, tenant="other")) == ["r-1"]


def test_what_is_no_tenants_is_shown_to_nobody(redis: RedisServer) -> None:
    show(redis, shown(1, ""))
    with redis.client() as client:
        assert client.keys("*") == []


def test_a_reader_waits_for_the_next(redis: RedisServer) -> None:
    async def go() -> list[Line]:
        link = open_async(redis.url, PATIENT)
        reading = asyncio.create_task(streams.read(link, "acme", "approvals", START, 15_000))
        await asyncio.to_thread(show, redis, shown(1))
        try:
            return await reading
        finally:
            await link.close()

    assert requests(asyncio.run(go())) == ["r-1"]


def test_while_redis_is_gone_who_shows_is_told_and_may_show_again(own_redis: RedisServer) -> None:
    show(own_redis, shown(1))
    own_redis.kill()
    with pytest.raises(Away):
        show(own_redis, shown(2))
    own_redis.start()
    own_redis.empty()
    show(own_redis, shown(1), shown(2))
    assert requests(lines(own_redis)) == ["r-1", "r-2"]


def test_an_entry_that_need_not_be_seen_costs_nothing_where_redis_is_gone(own_redis: RedisServer) -> None:
    own_redis.kill()
    streams.show_now(own_redis.url, shown(1))
    streams.show_now("", shown(1))
