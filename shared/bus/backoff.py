"""How long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable

_LARGEST_EXPONENT = 62  # beyond it every base is over every maximum, and 2.0 ** n would overflow


def backoff(attempt: int, base: float, maximum: float, random: Callable[[], float]) -> float:
    """Seconds to wait after delivery number `attempt` (from 1) failed: exponential, with full jitter.

    A uniform draw between 0 and min(maximum, base * 2 ** (attempt - 1)); `random` draws from [0, 1).
    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(maximum, base * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT))
    return random() * ceiling
