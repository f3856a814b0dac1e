"""A viewer is told to load the page, then sees what happens, may come again where it was, and learns of trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from shared.live import follow as following
from shared.live import link as links
from shared.live.entries import Entry
from shared.live.follow import AWAY, View, follow
from shared.live.link import open_link
from shared.live.streams import Shown, publish
from tests.redis_server import RedisServer

T = TypeVar("T")


def show(server: RedisServer, number: int) -> None:
    now = datetime.now(UTC)
    entry = Entry("agents", "completed", {"task_id": f"t-{number}"})
    publish(open_link(server.url, 20), [Shown("acme", f"e-{number}", now, entry)], now)


def view(url: str, last: str = "", seconds: float = 30.0, stopping: asyncio.Event | None = None) -> View:
    return View(url, "acme", "agents", last, seconds, stopping or asyncio.Event())


def run(do: Coroutine[Any, Any, T]) -> T:
    """Run it, and close what the process would keep for its next viewer."""

    async def go() -> T:
        try:
            return await do
        finally:
            for link in links._of_loops.pop(asyncio.get_running_loop(), {}).values():
                await link.close()

    return asyncio.run(go())


async def until(parts: AsyncIterator[bytes], word: str) -> str:
    seen = ""
    async for part in parts:
        seen += part.decode()
        if word in seen:
            return seen
    raise AssertionError(f"the stream ended: {seen}")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about limits must not fail on a machine that does much else."""
    monkeypatch.setattr("shared.live.link.ANSWER_SECONDS", 20.0)
    monkeypatch.setattr("shared.live.link.open_async.__defaults__", (20.0, None))


def test_it_begins_with_load_and_goes_on_where_it_was(redis: RedisServer) -> None:
    async def go() -> None:
        show(redis, 1)
        first = follow(view(redis.url))
        begun = await until(first, "event: load")
        assert begun.startswith("retry: 1000\n\n")
        await asyncio.to_thread(show, redis, 2)
        seen = await until(first, "t-2")
        assert "t-1" not in seen
        last = seen.split("id: ")[1].split("\n")[0]
        await first.aclose()  # type: ignore[attr-defined]  # it is a generator
        await asyncio.to_thread(show, redis, 3)
        again = await until(follow(view(redis.url, last)), "t-3")
        assert "load" not in again
        assert "t-2" not in again

    run(go())


@pytest.mark.parametrize("last", ["12-0", "nonsense", "\n", "0-0-0", "$", "-"])
def test_who_comes_with_a_place_that_is_not_there_loads_the_page(redis: RedisServer, last: str) -> None:
    show(redis, 1)
    run(until(follow(view(redis.url, last)), "event: load"))


def test_an_emptied_redis_makes_who_comes_again_load_the_page(redis: RedisServer) -> None:
    async def go() -> None:
        show(redis, 1)
        begun = await until(follow(view(redis.url)), "event: load")
        place = begun.split("id: ")[1].split("\n")[0]
        redis.empty()
        assert "id: 0-0" in await until(follow(view(redis.url, place)), "event: load")
        await asyncio.to_thread(show, redis, 2)
        assert "load" not in await until(follow(view(redis.url, "0-0")), "t-2")

    run(go())


def test_it_beats_while_nothing_happens_and_ends_by_itself(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BEAT_SECONDS", 0.1)

    async def go() -> list[bytes]:
        return [part async for part in follow(view(redis.url, seconds=0.6))]

    parts = run(go())
    assert parts[0] == b"retry: 1000\n\n"
    assert parts.count(b":\n\n") >= 2


def test_it_ends_when_the_process_is_told_to_end(redis: RedisServer) -> None:
    async def go() -> None:
        stopping = asyncio.Event()
        parts = follow(view(redis.url, seconds=1000, stopping=stopping))
        await until(parts, "event: load")
        asyncio.get_running_loop().call_later(0.05, stopping.set)
        async for _ in parts:
            pass

    run(asyncio.wait_for(go(), 9))


def test_without_a_redis_it_says_away_and_ends() -> None:
    async def go(url: str) -> list[bytes]:
        return [part async for part in follow(view(url))]

    assert run(go("")) == [AWAY]
    assert AWAY == b"retry: 5000\nevent: away\ndata: {}\n\n"


def test_a_redis_that_dies_while_one_looks_is_told(own_redis: RedisServer) -> None:
    async def go() -> str:
        parts: Any = follow(view(own_redis.url))
        await until(parts, "event: load")
        own_redis.kill()
        return "".join([part.decode() async for part in parts])

    assert run(go()).endswith(AWAY.decode())
    assert run(go_away(own_redis)).endswith(AWAY.decode())


async def go_away(server: RedisServer) -> str:
    return "".join([part.decode() async for part in follow(view(server.url))])
