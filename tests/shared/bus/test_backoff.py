"""Full jitter, as the AWS Architecture Blog has it (2015): a draw between 0 and min(cap, base * 2 ** n)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.backoff import backoff

ALMOST_ONE = 1 - 2**-53


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (5000, 60.0)])
def test_the_ceiling_doubles_with_each_attempt_up_to_the_maximum(attempt, ceiling):
    assert backoff(attempt, 0.5, 60, lambda: ALMOST_ONE) == pytest.approx(ceiling)


@given(st.integers(1, 10**6), st.floats(0.001, 100), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_that_share_of_the_ceiling_which_was_drawn(attempt, base, draw):
    wait = backoff(attempt, base, 100, lambda: draw)
    assert 0 <= wait <= 100
    assert wait == pytest.approx(draw * backoff(attempt, base, 100, lambda: 1.0))
