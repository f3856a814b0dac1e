"""How long a request waits for a reviewer: the Erlang C formula (Erlang 1917; Cooper, Queueing Theory, 1981)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Capacity:
    """`p_wait` is the chance of having to wait at all, `wait_hours` the mean wait (None: it grows without end)."""

    p_wait: float
    wait_hours: float | None
    unstable: bool


def capacity(arrivals: float, reviews: float, reviewers: int) -> Capacity:
    """The wait when requests arrive at random, `arrivals` an hour, and each of the reviewers does `reviews` an hour.

    a = arrivals / reviews; C = (a^c / c!) / (1 - a/c) / (sum over k < c of a^k / k! + the same);
    wait = C / (c reviews - arrivals). With a >= c work comes faster than it is done. Computed by Erlang B's
    recursion, which stays exact for any number of reviewers.
    """
    if not math.isfinite(arrivals) or arrivals < 0:
        raise Invalid.field("arrivals", "must be a finite number, at least 0")
    if not math.isfinite(reviews) or reviews <= 0:
        raise Invalid.field("reviews", "must be a finite number above 0")
    if reviewers < 0:
        raise Invalid.field("reviewers", "must be at least 0")
    load = arrivals / reviews
    if load == 0 and reviewers:
        return Capacity(0.0, 0.0, False)
    if load >= reviewers:
        return Capacity(1.0, None, True)
    blocked = 1.0
    for count in range(1, reviewers + 1):
        blocked = load * blocked / (count + load * blocked)
    p_wait = blocked / (1 - load / reviewers * (1 - blocked))
    return Capacity(p_wait, p_wait / (reviewers * reviews - arrivals), False)
