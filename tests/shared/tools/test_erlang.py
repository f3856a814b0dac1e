"""The wait for a reviewer agrees with the page and with Erlang's formula written out."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.erlang import capacity


@pytest.mark.parametrize(
    ("arrivals", "reviews", "reviewers", "p_wait", "wait"), [(10, 4, 3, 0.702, 0.351), (6, 4, 2, 0.643, 0.321)]
)
def test_the_proof_of_the_page(arrivals: float, reviews: float, reviewers: int, p_wait: float, wait: float) -> None:
    """10 an hour for three who do 4: 0.702 and 0.351 h; 6 for two: 0.643 and 0.321 h."""
    found = capacity(arrivals, reviews, reviewers)
    assert found.wait_hours is not None
    assert (round(found.p_wait, 3), round(found.wait_hours, 3), found.unstable) == (p_wait, wait, False)


@pytest.mark.parametrize(("arrivals", "reviewers"), [(8, 2), (9, 2), (1, 0), (0, 0)])
def test_more_work_than_is_done_is_unstable(arrivals: float, reviewers: int) -> None:
    """As much as the reviewers can do, or more, or nobody there: the wait has no end."""
    found = capacity(arrivals, 4, reviewers)
    assert (found.p_wait, found.wait_hours, found.unstable) == (1.0, None, True)


def test_nothing_to_do_is_no_wait() -> None:
    """No arrivals, no wait."""
    assert capacity(0, 4, 1).wait_hours == 0.0


@given(st.integers(1, 40), st.fractions(Fraction(1, 1000), Fraction(999, 1000)))
def test_the_recursion_is_the_formula(reviewers: int, busy: Fraction) -> None:
    """The same as the sum of the page, in exact fractions, at any load below 1."""
    load = busy * reviewers
    last = load**reviewers / factorial(reviewers) / (1 - busy)
    exact = last / (sum(load**k / factorial(k) for k in range(reviewers)) + last)
    assert capacity(float(load), 1.0, reviewers).p_wait == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize(
    ("values", "field"),
    [((-1, 4, 1), "arrivals"), ((float("nan"), 4, 1), "arrivals"), ((1, 0, 1), "reviews"), ((1, 4, -1), "reviewers")],
)
def test_impossible_rates_are_refused(values: tuple[float, float, int], field: str) -> None:
    """The error names what is wrong."""
    with pytest.raises(Invalid, match=field):
        capacity(*values)
