"""Not faster than a rate."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Lets acts through at `rate` a second at most, evenly: after n acts the next wait n / rate seconds (the generic
    cell rate algorithm of ITU-T I.371 without a burst tolerance). A rate of 0 is no limit."""

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` gives seconds; `sleep` waits so many, or less."""
        if not 0 <= rate < float("inf"):
            raise ValueError("a rate is 0 (no limit) or more acts a second")
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = float("-inf")

    @property
    def at_once(self) -> int:
        """How many acts to ask for together: a quarter of a second's, 1 to 100."""
        return max(1, min(100, int(self._rate / 4))) if self._rate else 100

    def wait(self, acts: int) -> None:
        """Return when so many acts may be done now."""
        if not self._rate:
            return
        while (left := self._free_at - self._clock()) > 0:
            self._sleep(left)
        self._free_at = max(self._free_at, self._clock()) + acts / self._rate
