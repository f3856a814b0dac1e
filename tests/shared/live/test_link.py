"""A Redis that is gone, hangs or refuses costs one call half a second now and then, and tells no password."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import pytest

from shared.live import link as links
from shared.live.link import ANSWER_SECONDS, AWAY_SECONDS, Away, Gate, open_async, open_link, place_of
from tests.redis_server import RedisServer

#: What a call may take beyond its limit on a machine that does much else.
SLACK = 4.0
#: A limit for what is not about limits.
PATIENT = 20.0


def ping(client: Any) -> bool:
    return bool(client.ping())


def gate(now: list[float]) -> Gate:
    return Gate("there", lambda: now[0])


def timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(Away):
        do()
    return time.monotonic() - began


def test_after_a_kill_it_is_left_alone_for_a_while_and_then_asked_again(own_redis: RedisServer) -> None:
    now = [0.0]
    link = open_link(own_redis.url, PATIENT, gate(now))
    assert link.ask(ping)
    own_redis.kill()
    with pytest.raises(Away, match="Redis at there cannot be asked"):
        link.ask(ping)
    own_redis.start()
    with pytest.raises(Away):
        link.ask(ping)
    now[0] += AWAY_SECONDS
    assert link.ask(ping)


def test_one_that_hangs_costs_its_limit_once_and_then_nothing(own_redis: RedisServer) -> None:
    """A connection that is open already, and one that has to be made."""
    now = [0.0]
    known, new = open_link(own_redis.url, gate=gate(now)), open_link(own_redis.url, gate=gate(now))
    assert known.ask(ping)
    own_redis.suspend()
    for link in (known, new):
        assert ANSWER_SECONDS <= timed(lambda: link.ask(ping)) < ANSWER_SECONDS + SLACK  # noqa: B023  # asked at once
        asked: list[int] = []
        assert timed(lambda: link.ask(asked.append)) < ANSWER_SECONDS  # noqa: B023  # asked at once
        assert asked == []
    own_redis.resume()
    now[0] += AWAY_SECONDS
    assert known.ask(ping)
    assert new.ask(ping)


def test_while_one_tries_again_the_others_do_not_wait_with_it() -> None:
    now, trying, go_on = [0.0], threading.Event(), threading.Event()
    door = gate(now)
    with pytest.raises(Away), door.asking():
        raise ConnectionError

    def probe() -> None:
        with door.asking():
            trying.set()
            go_on.wait(10)

    now[0] += AWAY_SECONDS
    thread = threading.Thread(target=probe)
    thread.start()
    assert trying.wait(10)
    with pytest.raises(Away), door.asking():
        pytest.fail("it was asked")
    go_on.set()
    thread.join()
    with door.asking():
        pass


def test_coroutines_are_held_to_the_same_limits(own_redis: RedisServer) -> None:
    async def go() -> None:
        now = [0.0]
        link = open_async(own_redis.url, gate=gate(now))
        assert await link.ask(lambda client: client.set("k", "v"))
        own_redis.suspend()
        began = time.monotonic()
        with pytest.raises(Away):
            await link.ask(lambda client: client.get("k"))
        assert time.monotonic() - began < ANSWER_SECONDS + SLACK
        own_redis.resume()
        now[0] += AWAY_SECONDS
        assert await link.ask(lambda client: client.get("k")) == b"v"
        await link.close()

    asyncio.run(go())


def test_a_wrong_password_and_no_memory_are_away_too(own_redis: RedisServer) -> None:
    wrong = own_redis.url.replace(own_redis.password, "wrong")
    with pytest.raises(Away, match="AuthenticationError"):
        open_link(wrong, PATIENT).ask(ping)
    link = open_link(own_redis.url, PATIENT)
    with own_redis.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")
    with pytest.raises(Away, match="OutOfMemoryError"):
        link.ask(lambda client: client.set("k", "v"))


def test_it_is_logged_once_with_its_place_and_without_a_password(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    link = open_link(own_redis.url, PATIENT, Gate(place_of(own_redis.url), lambda: now[0]))
    own_redis.kill()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(Away):
                link.ask(ping)
            now[0] += AWAY_SECONDS
        own_redis.start()
        assert link.ask(ping)
    went, came = [record.getMessage() for record in caplog.records if record.name == "live"]
    assert "127.0.0.1:" in went
    assert "ConnectionError" in went
    assert came.endswith("answers again")
    assert own_redis.password not in caplog.text
    assert place_of("unix:///run/redis.sock?db=1") == "/run/redis.sock"
    assert place_of("rediss://user:secret@cache.example/0") == "cache.example:6379"


def _child(url: str, pipe: Any) -> None:
    own = links.link(url)
    pipe.send(own.ask(lambda client: client.client_id()))


def test_a_child_of_a_fork_has_connections_of_its_own(redis: RedisServer) -> None:
    parent = links.link(redis.url).ask(lambda client: client.client_id())
    here, there = get_context("fork").Pipe()
    child = get_context("fork").Process(target=_child, args=(redis.url, there))
    child.start()
    assert here.recv() != parent
    child.join()
    assert links.link(redis.url).ask(lambda client: client.client_id()) == parent
    assert os.getpid()
    here.close()
    there.close()
    links._link.cache_clear()
