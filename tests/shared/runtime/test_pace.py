"""Callers are held to their rates by Redis; while it is gone only signing in is, more strictly and by each process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.contract import Caller, FunctionSpec
from shared.errors import RateLimited
from shared.live import link as links
from shared.live.rate import LocalLimits, Rate
from shared.problems import to_problem
from shared.runtime import pace
from shared.runtime.guard import ANYONE
from shared.settings import Settings, read_settings
from tests.redis_server import RedisServer

READ = FunctionSpec("tasks-list", "tasks.list", "http", "tasks.read", "A page")
LOGIN = FunctionSpec("identity-login", "identity.login", "http", "public", "Sign in", pace="login")
UMA = Caller("uma", "acme", "USER")
RATES = {"tenant": Rate(0.001, 6), "caller": Rate(0.001, 4), "login": Rate(0.001, 8)}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.end()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


class World:
    """Settings to choose, and how many of some calls pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings: Settings = read_settings({})
        self.now = 0.0
        monkeypatch.setattr(pace, "settings", lambda: self.settings)
        monkeypatch.setattr(pace, "_own", LocalLimits(lambda: self.now))
        monkeypatch.setattr(links.open_async, "__defaults__", (20.0, None))  # a busy machine is no bad day

    def use(self, url: str, **rates: Rate | None) -> None:
        self.settings = replace(self.settings, cache_url=url, rates=RATES | rates)

    def passed(self, times: int, *calls: tuple[FunctionSpec, Caller, str]) -> list[int]:
        """How many of each of these calls pass, made in turn, so many times."""
        return asyncio.run(self._passed(times, calls))

    async def _passed(self, times: int, calls: tuple[tuple[FunctionSpec, Caller, str], ...]) -> list[int]:
        counts = [0] * len(calls)
        for _ in range(times):
            for place, (spec, caller, address) in enumerate(calls):
                try:
                    await pace.keep_pace(spec, caller, scope(address))
                    counts[place] += 1
                except RateLimited as error:
                    self.refused = error
        for link in links._of_loops.pop(asyncio.get_running_loop(), {}).values():
            await link.close()
        return counts


def scope(address: str) -> dict[str, Any]:
    return {"headers": [(b"x-forwarded-for", address.encode())], "client": ("127.0.0.1", 1)}


def test_one_caller_cannot_use_up_a_tenants_rate_and_two_together_can(redis: RedisServer, world: World) -> None:
    """Four of the one, and the two that are left of six of the tenant's; another tenant has its own."""
    world.use(redis.url)
    assert world.passed(9, (READ, UMA, "a")) == [4]
    assert world.passed(9, (READ, replace(UMA, user_id="bo"), "a")) == [2]
    assert world.passed(9, (READ, replace(UMA, tenant="other"), "a")) == [4]


def test_without_a_token_the_address_is_the_caller(redis: RedisServer, world: World) -> None:
    world.use(redis.url)
    public = replace(READ, permission="public")
    assert world.passed(9, (public, ANYONE, "192.0.2.1"), (public, ANYONE, "192.0.2.2")) == [4, 4]


def test_signing_in_has_a_rate_of_its_own_for_each_address(redis: RedisServer, world: World) -> None:
    world.use(redis.url)
    assert world.passed(9, (replace(READ, permission="public"), ANYONE, "192.0.2.1")) == [4]
    assert world.passed(20, (LOGIN, ANYONE, "192.0.2.1"), (LOGIN, ANYONE, "192.0.2.2")) == [8, 8]


def test_the_platforms_own_parts_and_what_is_switched_off_are_not_counted(redis: RedisServer, world: World) -> None:
    world.use(redis.url)
    assert world.passed(20, (READ, Caller("service:timer", "", "AGENT"), "a")) == [20]
    world.use(redis.url, tenant=None, caller=None)
    assert world.passed(20, (READ, UMA, "a")) == [20]
    with redis.client() as client:
        assert client.keys("*") == []


def test_while_redis_is_gone_rates_are_not_looked_at_and_signing_in_is_held_to_a_quarter(
    redis: RedisServer, world: World
) -> None:
    """And in time: a quarter of the rate, too."""
    world.use(redis.url, login=Rate(4, 8))
    redis.kill()
    assert world.passed(9, (READ, UMA, "a")) == [9]
    assert world.passed(9, (LOGIN, ANYONE, "192.0.2.1"), (LOGIN, ANYONE, "192.0.2.2")) == [2, 2]
    world.now += 1
    assert world.passed(9, (LOGIN, ANYONE, "192.0.2.1")) == [1]


def test_without_a_redis_there_are_no_rates(world: World) -> None:
    world.use("")
    assert world.passed(20, (READ, UMA, "a"), (LOGIN, ANYONE, "a")) == [20, 20]


def test_who_is_refused_is_told_when_to_come_again(redis: RedisServer, world: World) -> None:
    world.use(redis.url, caller=Rate(0.25, 1))
    assert world.passed(2, (READ, UMA, "a")) == [1]
    status, headers, body = to_problem(world.refused)
    assert status == 429
    assert 1 <= int(dict(headers)["retry-after"]) <= 4
    assert dict(headers)["content-type"] == "application/problem+json"
    assert json.loads(body)["type"] == "/problems/rate-limited"


def test_no_key_holds_a_name_or_an_address(redis: RedisServer, world: World) -> None:
    world.use(redis.url)
    world.passed(1, (READ, UMA, "192.0.2.1"), (LOGIN, ANYONE, "192.0.2.1"))
    with redis.client() as client:
        keys = client.keys("*")
    assert len(keys) == 3
    assert not any("uma" in key or "192.0" in key for key in keys)
