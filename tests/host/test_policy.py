"""The policy as a table, and as a small simulated day in which its promises hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from host.policy import (
    BACKOFF_MOST,
    Load,
    Memory,
    backoff,
    idle_to_evict,
    processes_to_start,
    processes_to_stop,
    processes_wanted,
    refusal,
)
from tests.host.world import function

PLENTY = Memory(available=1000, reserve=100)
LITTLE = Memory(available=99, reserve=100)
HARDLY_ANY = Memory(available=24, reserve=100)
F = replace(function(), concurrency=4, target=4, maximum=3, minimum=1, floor=0, queue_limit=2, idle=10.0)


@pytest.mark.parametrize(
    ("load", "wanted"),
    [
        (Load(), 0),
        (Load(waiting=1), 1),
        (Load(in_flight=4), 1),
        (Load(in_flight=4, waiting=1), 2),
        (Load(in_flight=12, waiting=9), 3),
    ],
)
def test_processes_wanted_follow_the_calls(load: Load, wanted: int) -> None:
    assert processes_wanted(F, load) == wanted


def test_minimum_holds_while_there_is_work_and_floor_while_there_is_none() -> None:
    two = replace(F, minimum=2)
    assert (processes_wanted(two, Load(waiting=1)), processes_wanted(two, Load())) == (2, 0)
    assert processes_wanted(replace(F, floor=1), Load()) == 1


@pytest.mark.parametrize(
    ("load", "memory", "backing_off", "count"),
    [
        (Load(waiting=1), PLENTY, False, 1),
        (Load(waiting=1, starting=1), PLENTY, False, 0),
        (Load(in_flight=4, waiting=5, ready=1), PLENTY, False, 2),
        (Load(waiting=1), PLENTY, True, 0),
        (Load(waiting=9), LITTLE, False, 1),
        (Load(in_flight=4, waiting=5, ready=1), LITTLE, False, 0),
        (Load(waiting=1), HARDLY_ANY, False, 0),
    ],
)
def test_how_many_start(load: Load, memory: Memory, backing_off: bool, count: int) -> None:
    assert processes_to_start(F, load, memory, backing_off=backing_off) == count


@pytest.mark.parametrize(
    ("load", "memory", "retry_in", "reason"),
    [
        (Load(waiting=1, ready=3), PLENTY, 0, None),
        (Load(waiting=2, ready=3), PLENTY, 0, "queue_full"),
        (Load(waiting=5, starting=1), PLENTY, 0, None),
        (Load(waiting=6, starting=1), PLENTY, 0, "queue_full"),
        (Load(waiting=6), PLENTY, 0, "queue_full"),
        (Load(), PLENTY, 4, None),
        (Load(), PLENTY, 6, "crashing"),
        (Load(ready=1), PLENTY, 6, None),
        (Load(), HARDLY_ANY, 0, "no_memory"),
        (Load(ready=1), HARDLY_ANY, 0, None),
    ],
)
def test_when_a_call_is_refused(load: Load, memory: Memory, retry_in: float, reason: str | None) -> None:
    found = refusal(F, load, memory, retry_in=retry_in, wait_limit=5)
    assert (found.reason if found else None) == reason
    assert found is None or found.retry_after >= 1


@pytest.mark.parametrize(
    ("idle", "floor", "living", "count"),
    [
        ([], 0, 1, 0),
        ([9.9], 0, 1, 0),
        ([10.0], 0, 1, 1),
        ([30, 20, 5], 0, 3, 2),
        ([30, 20], 1, 2, 1),
        ([30], 1, 1, 0),
    ],
)
def test_how_many_go_to_sleep(idle: list[float], floor: int, living: int, count: int) -> None:
    assert processes_to_stop(replace(F, floor=floor), Load(ready=living), idle) == count


@pytest.mark.parametrize(("memory", "idle", "count"), [(PLENTY, 5, 0), (LITTLE, 5, 3), (LITTLE, 1, 1), (LITTLE, 0, 0)])
def test_how_many_are_evicted(memory: Memory, idle: int, count: int) -> None:
    assert idle_to_evict(memory, idle) == count


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_doubles_up_to_a_limit_and_is_never_nothing(failures: int, chance: float) -> None:
    pause = backoff(failures, chance)
    whole = min(BACKOFF_MOST, 0.1 * 2 ** min(failures - 1, 60))
    assert whole / 2 <= pause <= whole
    assert backoff(0, chance) == 0


class Day(RuleBasedStateMachine):
    """Calls come and go, processes start, end and crash; a clock runs. The policy decides as the pool lets
    it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.function = F
        self.ready: list[tuple[int, float]] = []  # calls in flight, idle since
        self.starting = self.waiting = self.accepted = self.done = 0
        self.failures = 0
        self.now = self.retry_at = 0.0
        self.memory = PLENTY

    def load(self) -> Load:
        return Load(sum(calls for calls, _ in self.ready), self.waiting, len(self.ready), self.starting)

    def settle(self) -> None:
        """Gives free slots to those that wait, then starts what is wanted."""
        for index, (calls, since) in enumerate(self.ready):
            taken = min(self.waiting, self.function.concurrency - calls)
            self.ready[index] = (calls + taken, since)
            self.waiting -= taken
        backing_off = self.retry_at > self.now
        self.starting += processes_to_start(self.function, self.load(), self.memory, backing_off=backing_off)

    @rule()
    def call_comes(self) -> None:
        free = any(calls < self.function.concurrency for calls, _ in self.ready)
        left = self.retry_at - self.now
        if free or refusal(self.function, self.load(), self.memory, retry_in=left, wait_limit=5) is None:
            self.waiting += 1
            self.accepted += 1
        self.settle()

    @precondition(lambda self: self.starting)
    @rule()
    def process_is_ready(self) -> None:
        self.starting -= 1
        self.ready.append((0, self.now))
        self.settle()

    @precondition(lambda self: any(calls for calls, _ in self.ready))
    @rule()
    def call_ends(self) -> None:
        index = next(i for i, (calls, _) in enumerate(self.ready) if calls)
        self.ready[index] = (self.ready[index][0] - 1, self.now)
        self.done += 1
        self.failures = 0
        self.settle()

    @precondition(lambda self: self.ready)
    @rule()
    def process_crashes(self) -> None:
        calls, _ = self.ready.pop()
        self.done += calls  # each is answered with 502
        self.failures += 1
        self.retry_at = self.now + backoff(self.failures, 0.5)

    @rule(seconds=st.sampled_from([0.05, 1.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        idle = sorted(((self.now - since), i) for i, (calls, since) in enumerate(self.ready) if not calls)[::-1]
        count = processes_to_stop(self.function, self.load(), [seconds for seconds, _ in idle])
        stopped = {index for _, index in idle[:count]}
        self.ready = [one for index, one in enumerate(self.ready) if index not in stopped]
        self.settle()

    @rule(memory=st.sampled_from([PLENTY, LITTLE, HARDLY_ANY]))
    def memory_changes(self, memory: Memory) -> None:
        self.memory = memory
        self.settle()

    @invariant()
    def never_more_processes_than_the_maximum(self) -> None:
        assert len(self.ready) + self.starting <= self.function.maximum

    @invariant()
    def no_call_is_lost(self) -> None:
        assert self.accepted == self.done + self.waiting + self.load().in_flight

    @invariant()
    def the_queue_is_bounded(self) -> None:
        most = self.function.maximum * self.function.concurrency
        assert self.waiting <= self.function.queue_limit + most

    @invariant()
    def nobody_waits_without_a_process_coming(self) -> None:
        """Unless it is the pause after a crash, or memory, that holds it back, or all processes are full."""
        held_back = self.retry_at > self.now or self.memory is not PLENTY
        full = len(self.ready) == self.function.maximum
        assert not self.waiting or self.starting or held_back or full


TestDay = Day.TestCase
