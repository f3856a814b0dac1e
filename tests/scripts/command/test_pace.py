"""Not faster than the rate, and no slower than it must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.command.pace import Pace


class Time:
    """A clock that moves when somebody sleeps (sometimes less than asked) or works."""

    def __init__(self, *, short: float = 1.0) -> None:
        self.now = 1000.0
        self.slept = 0.0
        self._short = short

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        part = seconds * self._short if seconds > 1e-6 else seconds * 2
        self.now += part
        self.slept += part


CALLS = st.lists(st.tuples(st.integers(1, 100), st.floats(0, 5)), min_size=1, max_size=40)


@given(rate=st.floats(0.1, 1000), calls=CALLS, short=st.sampled_from([0.5, 0.9, 1.0]))
def test_between_any_two_calls_no_more_is_let_through_than_the_rate_allows(
    rate: float, calls: list[tuple[int, float]], short: float
) -> None:
    """Whatever the sizes, the work between the calls, and a sleep that returns early."""
    time = Time(short=short)
    pace = Pace(rate, clock=time.clock, sleep=time.sleep)
    passed: list[tuple[float, int]] = []
    for acts, work in calls:
        pace.wait(acts)
        passed.append((time.now, acts))
        time.now += work
    for first in range(len(passed)):
        done = 0
        for last in range(first, len(passed)):
            assert done <= rate * (passed[last][0] - passed[first][0]) + 1e-3
            done += passed[last][1]


@given(rate=st.floats(0.1, 1000), sizes=st.lists(st.integers(1, 100), min_size=1, max_size=40))
def test_who_is_always_ready_gets_the_whole_rate(rate: float, sizes: list[int]) -> None:
    """The time taken is that of all acts but the last ones, and nobody waits before the first."""
    time = Time()
    pace = Pace(rate, clock=time.clock, sleep=time.sleep)
    for acts in sizes:
        pace.wait(acts)
    assert time.slept == pytest.approx(sum(sizes[:-1]) / rate, abs=1e-3)


@given(acts=st.lists(st.integers(1, 100)))
def test_a_rate_of_zero_is_no_limit(acts: list[int]) -> None:
    time = Time()
    pace = Pace(0, clock=time.clock, sleep=time.sleep)
    for number in acts:
        pace.wait(number)
    assert time.slept == 0


@given(rate=st.floats(0, 1e6))
def test_a_call_takes_one_to_a_hundred_at_once_and_no_more_than_a_second_s_worth(rate: float) -> None:
    assert 1 <= Pace(rate).at_once <= 100
    assert not rate or Pace(rate).at_once <= max(1, rate)


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="a rate is 0"):
        Pace(rate)
