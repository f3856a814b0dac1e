"""A rate lets through what a bucket of `burst` tokens filled at that rate would, and says how long to wait."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.live.rate import LocalLimits, Rate, read_rate, take


class Bucket:
    """The token bucket, in exact fractions: what I.371 says its algorithm is equivalent to."""

    def __init__(self, per_second: int, burst: int) -> None:
        self.per_second, self.burst = Fraction(per_second), Fraction(burst)
        self.tokens, self.at = self.burst, Fraction(0)

    def take(self, now: Fraction) -> Fraction:
        """Seconds until there is a whole token; 0 when one was taken."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.per_second
        self.tokens -= 1
        return Fraction(0)


@given(
    rate=st.tuples(st.sampled_from([1, 2, 4, 8]), st.integers(1, 6)),
    gaps=st.lists(st.integers(0, 40).map(lambda sixteenths: Fraction(sixteenths, 16)), max_size=60),
)
def test_it_is_the_token_bucket(rate: tuple[int, int], gaps: list[Fraction]) -> None:
    """Rates and gaps are powers of two, so that floats are exact."""
    bucket, tat, now = Bucket(*rate), 0.0, Fraction(0)
    for gap in gaps:
        now += gap
        tat, wait = take(tat, float(now), Rate(*rate))
        assert wait == float(bucket.take(now))


def test_a_refused_request_counts_for_nothing_and_passes_when_it_was_told_to_come() -> None:
    now = [100.0]
    limits, rate = LocalLimits(lambda: now[0]), Rate(0.5, 2)
    assert [limits.take("a", rate) for _ in range(4)] == [0, 0, 2.0, 2.0]
    assert limits.take("b", rate) == 0
    now[0] += 2
    assert [limits.take("a", rate) for _ in range(2)] == [0, 2.0]


def test_who_is_long_gone_is_forgotten() -> None:
    now = [0.0]
    limits = LocalLimits(lambda: now[0], most=10)
    for number in range(100):
        limits.take(str(number), Rate(1, 1))
        now[0] += 1
    assert len(limits._tats) <= 11


@pytest.mark.parametrize("text", ["200", "0/5", "5/0", "-1/5", "1/x", "1e3/5", " 1/5", "1/5/9", "yes", "٣/5"])
def test_what_is_no_rate_is_refused_with_its_name_and_value(text: str) -> None:
    with pytest.raises(Invalid, match="BIZOSAAS_TENANT_RATE: must be RATE/BURST") as caught:
        read_rate({"BIZOSAAS_TENANT_RATE": text}, "BIZOSAAS_TENANT_RATE", Rate(1, 1))
    assert repr(text) in caught.value.detail


def test_a_rate_is_read_left_as_it_is_or_switched_off() -> None:
    usual = Rate(1, 1)
    assert read_rate({"R": "0.5/30"}, "R", usual) == Rate(0.5, 30)
    assert read_rate({}, "R", usual) == usual
    assert read_rate({"R": "off"}, "R", usual) is None
