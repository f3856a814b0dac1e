"""Small statistics that several roles decide with; standard library only.

Probabilities are floats in 0..1. An argument of a wrong type or outside its range is Invalid by its name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from shared.errors import Invalid

LARGEST_COUNT = 10**9
# One-sided three-sigma limit of a control chart (Montgomery, Introduction to Statistical Quality Control).
UNUSUAL_BELOW = 0.00135
# 0.75 quantile of the standard normal: makes the MAD comparable to a standard deviation.
MAD_SCALE = 0.6745


class UnusualCount(NamedTuple):
    """`p` is P(X >= n) at the usual rate; `unusual` says that chance alone hardly explains it."""

    p: float
    unusual: bool


def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Score interval (lo, hi) of a proportion, k of n (Wilson, JASA 22, 1927); (0, 1) for n = 0.

    Holds k/n, lies inside [0, 1]; z is the normal quantile of the confidence (1.96: 95 %).
    """
    _count(n, "n")
    if _count(k, "k") > n:
        raise Invalid.field("k", "must not exceed n")
    if not 0 < _real(z, "z") <= 100:
        raise Invalid.field("z", "must lie in 0..100, 0 excluded")
    if n == 0:
        return 0.0, 1.0
    share, square = k / n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    # At the ends the bound is exact in theory and one rounding error away in floats.
    low = 0.0 if k == 0 else min(max(0.0, centre - half), share)
    high = 1.0 if k == n else max(min(1.0, centre + half), share)
    return low, high


def poisson_tail(n: int, rate: float) -> float:
    """P(X >= n) for a Poisson count of mean `rate`; both at most 10^9.

    Sums the side of the distribution that falls geometrically, so a tiny tail keeps its relative precision.
    """
    _count(n, "n")
    if not 0 <= _real(rate, "rate") <= LARGEST_COUNT:
        raise Invalid.field("rate", f"must lie in 0..{LARGEST_COUNT}")
    if n == 0:
        return 1.0
    if rate == 0:
        return 0.0
    if n > rate:
        return min(1.0, _poisson_point(n, rate) * _series(n, rate, upward=True))
    return max(0.0, 1.0 - _poisson_point(n - 1, rate) * _series(n - 1, rate, upward=False))


def normal_tail(z: float) -> float:
    """P(Z >= z) of the standard normal; keeps its precision far out, unlike 1 - cdf."""
    return 0.5 * math.erfc(_real(z, "z") / math.sqrt(2))


def median_deviation(values: Sequence[float]) -> tuple[float, float]:
    """(median, MAD): the MAD is the median of the absolute deviations from the median. Invalid when empty."""
    if not values:
        raise Invalid.field("values", "must not be empty")
    numbers = [_real(value, f"values[{index}]") for index, value in enumerate(values)]
    middle = _median(numbers)
    return middle, _median([abs(number - middle) for number in numbers])


def modified_z(x: float, values: Sequence[float]) -> float | None:
    """0.6745 (x - median) / MAD (Iglewicz and Hoaglin 1993; NIST/SEMATECH e-Handbook 1.3.5.17).

    None where it is not defined: no values, or more than half of them equal (MAD 0).
    """
    _real(x, "x")
    if not values:
        return None
    middle, deviation = median_deviation(values)
    if deviation == 0:
        return None
    score = MAD_SCALE * (x - middle) / deviation
    return score if math.isfinite(score) else None


def unusual_count(n: int, rate: float) -> UnusualCount:
    """Whether n events are more than a usual mean of `rate` explains: P(X >= n) < 0.00135.

    With a rate of 0 a first event is not yet unusual, a second one is.
    """
    p = poisson_tail(n, rate)
    return UnusualCount(p, n >= 2 if rate == 0 else p < UNUSUAL_BELOW)


def m_estimate(k: int, n: int, prior: float, weight: float) -> float:
    """(k + weight x prior) / (n + weight): a share drawn to its prior (m-estimate, Cestnik, ECAI 1990)."""
    _count(n, "n")
    if _count(k, "k") > n:
        raise Invalid.field("k", "must not exceed n")
    if not 0 <= _real(prior, "prior") <= 1:
        raise Invalid.field("prior", "must lie in 0..1")
    if _real(weight, "weight") <= 0:
        raise Invalid.field("weight", "must be positive")
    return (k + weight * prior) / (n + weight)


def logit(p: float) -> float:
    """ln(p / (1 - p)); Invalid for 0 and 1, whose odds are not finite."""
    if not 0 < _real(p, "p") < 1:
        raise Invalid.field("p", "must lie between 0 and 1, both excluded")
    return math.log(p) - math.log1p(-p)


def logistic(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    if _real(x, "x") >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    power = math.exp(x)
    return power / (1.0 + power)


def _median(numbers: list[float]) -> float:
    """As the standard library's, whose import takes longer than all of this module."""
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _poisson_point(n: int, rate: float) -> float:
    return math.exp(n * math.log(rate) - rate - math.lgamma(n + 1))


def _series(n: int, rate: float, *, upward: bool) -> float:
    """Sum of P(X = j) / P(X = n) over j = n, n + 1, ... or over j = n, n - 1, ..., 0."""
    total = term = 1.0
    j = n
    while term > total * 1e-17:
        if upward:
            j += 1
            term *= rate / j
        else:
            term *= j / rate
            j -= 1
        total += term
    return total


def _count(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
        raise Invalid.field(field, f"must be an integer in 0..{LARGEST_COUNT}")
    return value


def _real(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid.field(field, "must be a number")
    try:
        number = float(value)
    except OverflowError:
        raise Invalid.field(field, "must be a finite number") from None
    if not math.isfinite(number):
        raise Invalid.field(field, "must be a finite number")
    return number
