"""The small statistics agree with scipy and with the numbers of the role pages."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest
import scipy.special
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools import statistics as stats

REALS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("k", "n", "z", "low", "high"),
    [
        (58, 60, 1.96, 0.8864, 0.9908),
        (104, 11037, 1.96, 0.007783, 0.011404),
        (46, 48, 1.959964, 0.8602, 0.9885),
        (3, 3, 1.959964, 0.4385, 1.0),
        (30, 100, 1.2816, 0.245, 0.362),
        (0, 0, 1.96, 0.0, 1.0),
    ],
)
def test_wilson_of_the_role_pages(k: int, n: int, z: float, low: float, high: float) -> None:
    """The intervals that the role pages give (statsmodels agrees with them)."""
    digits = 6 if n > 1000 else 3 if z == 1.2816 else 4
    found = stats.wilson(k, n, z)
    assert (round(found[0], digits), round(found[1], digits)) == (low, high)


@pytest.mark.parametrize(("k", "n", "low"), [(18, 20, 0.699), (160, 200, 0.739)])
def test_wilson_lower_bounds_used_as_confidence(k: int, n: int, low: float) -> None:
    """18 of 20 deliveries on time give 0.699, 160 of 200 right categories 0.739."""
    assert round(stats.wilson(k, n)[0], 3) == low


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.01, 10))
def test_wilson_holds_the_share_inside_0_and_1(counts: tuple[int, int], z: float) -> None:
    """0 <= lo <= k/n <= hi <= 1, always."""
    k, n = counts
    low, high = stats.wilson(k, n, z)
    assert 0 <= low <= k / n <= high <= 1


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(counts: tuple[int, int]) -> None:
    """Same interval as scipy's binomtest."""
    k, n = counts
    z = float(scipy.stats.norm.ppf(0.975))
    theirs = scipy.stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert stats.wilson(k, n, z) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


def test_poisson_tails_of_the_role_pages() -> None:
    """Four orders at rate 0.2: 5.68e-5; five and six tickets at rate 0.8: 0.00141 and 0.000184."""
    assert stats.poisson_tail(4, 0.2) == pytest.approx(5.68e-5, rel=1e-3)
    assert stats.poisson_tail(5, 0.8) == pytest.approx(0.00141, rel=2e-3)
    assert stats.poisson_tail(6, 0.8) == pytest.approx(0.000184, rel=3e-3)


@given(st.integers(0, 20_000), st.floats(1e-6, 20_000))
def test_poisson_tail_agrees_with_scipy(n: int, rate: float) -> None:
    """Same tail as scipy, in relative terms far out as well."""
    theirs = float(scipy.stats.poisson.sf(n - 1, rate))
    assert stats.poisson_tail(n, rate) == pytest.approx(theirs, rel=1e-8, abs=1e-14 if n <= rate else 1e-300)


@pytest.mark.parametrize(
    ("n", "rate"), [(10**6, 999_000.0), (1_001_000, 1e6), (1, 1e-12), (10**9, 0.2), (0, 1e9), (5, 0)]
)
def test_poisson_tail_at_its_ends(n: int, rate: float) -> None:
    """Large counts, tiny rates and a rate of 0 agree with scipy too."""
    theirs = float(scipy.stats.poisson.sf(n - 1, rate))
    assert stats.poisson_tail(n, rate) == pytest.approx(theirs, rel=1e-6, abs=1e-300)


@given(st.integers(0, 5000), st.floats(0, 5000))
def test_poisson_tail_never_rises_with_n(n: int, rate: float) -> None:
    """A larger count is never likelier to be reached."""
    assert 0 <= stats.poisson_tail(n + 1, rate) <= stats.poisson_tail(n, rate) + 1e-12 <= 1 + 1e-12


@given(st.floats(-35, 35))
def test_normal_tail_agrees_with_scipy(z: float) -> None:
    """Same upper tail as scipy, far out too."""
    assert stats.normal_tail(z) == pytest.approx(float(scipy.stats.norm.sf(z)), rel=1e-9)


@given(REALS, st.lists(REALS, min_size=1, max_size=40))
def test_modified_z_agrees_with_scipy(x: float, values: list[float]) -> None:
    """0.6745 (x - median) / MAD with scipy's MAD; None when that is 0."""
    deviation = float(scipy.stats.median_abs_deviation(values))
    assume(deviation == 0 or deviation > 1e-9)
    score = stats.modified_z(x, values)
    if deviation == 0:
        assert score is None
    else:
        expected = 0.6745 * (x - float(numpy.median(values))) / deviation
        assert score == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "rate", "unusual"), [(5, 0.8, False), (6, 0.8, True), (0, 0, False), (1, 0, False), (2, 0, True)]
)
def test_unusual_counts_of_the_support_page(n: int, rate: float, unusual: bool) -> None:
    """Five tickets at 0.8 an hour are no incident, six are; with a rate of 0 it takes two."""
    assert stats.unusual_count(n, rate).unusual is unusual


def test_m_estimate_of_the_fraud_page() -> None:
    """12 frauds in 2400 orders with 100 pseudo-orders at 0.01: 0.0052."""
    assert stats.m_estimate(12, 2400, 0.01, 100) == pytest.approx(0.0052, abs=1e-12)


@given(st.floats(1e-9, 1 - 1e-9))
def test_logit_and_logistic_undo_each_other_and_agree_with_scipy(p: float) -> None:
    """logistic(logit(p)) = p, both as scipy has them."""
    assert stats.logit(p) == pytest.approx(float(scipy.special.logit(p)), rel=1e-9, abs=1e-9)
    assert stats.logistic(stats.logit(p)) == pytest.approx(p, rel=1e-9)


@given(st.floats(-1e300, 1e300))
def test_logistic_never_overflows(x: float) -> None:
    """Inside 0..1 for any finite argument."""
    assert 0 <= stats.logistic(x) <= 1


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("wilson", (2, 1), "k"),
        ("wilson", (-1, 1), "k"),
        ("wilson", (1, True), "n"),
        ("wilson", (1, 2, math.nan), "z"),
        ("wilson", (1.0, 2), "k"),
        ("poisson_tail", (-1, 1.0), "n"),
        ("poisson_tail", (1, -0.1), "rate"),
        ("poisson_tail", (1, math.inf), "rate"),
        ("poisson_tail", ("1", 1.0), "n"),
        ("normal_tail", (None,), "z"),
        ("modified_z", (1.0, [1.0, "2"]), "values[1]"),
        ("median_deviation", ([],), "values"),
        ("unusual_count", (1, "a"), "rate"),
        ("m_estimate", (1, 2, 1.5, 10), "prior"),
        ("logit", (1.0,), "p"),
        ("logistic", (10**400,), "x"),
    ],
)
def test_a_wrong_argument_is_named(name: str, arguments: tuple[Any, ...], field: str) -> None:
    """Wrong types and ranges are Invalid with the argument's name."""
    with pytest.raises(Invalid) as caught:
        getattr(stats, name)(*arguments)
    assert caught.value.problems[0].field == field
