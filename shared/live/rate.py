"""How often somebody may ask: a rate and a burst, by the generic cell rate algorithm.

The algorithm is the "virtual scheduling" form of ITU-T Recommendation I.371 (annex A): each conforming cell moves a
theoretical arrival time (TAT) on by one interval, and a cell that comes more than the tolerance before it does not
conform. With an interval of 1 / rate and a tolerance of (burst - 1) intervals it lets the same through as a bucket of
`burst` tokens that is filled at `rate`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.errors import Invalid

_FORM = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)/([0-9]{1,7})")


@dataclass(frozen=True)
class Rate:
    """So many a second for ever, and `burst` at once."""

    per_second: float
    burst: int

    @property
    def interval(self) -> float:
        """Seconds between two at the steady rate."""
        return 1 / self.per_second

    @property
    def tolerance(self) -> float:
        """Seconds by which one may come before its time."""
        return (self.burst - 1) / self.per_second


def read_rate(environ: Mapping[str, str], key: str, default: Rate) -> Rate | None:
    """`200/1000` (a second / at once), `off` for none. Raises `Invalid` naming the key and the value."""
    text = environ.get(key, "")
    if not text:
        return default
    if text == "off":
        return None
    found = _FORM.fullmatch(text)
    if found is None or not float(found[1]) or not int(found[2]):
        raise Invalid.field(key, f"must be RATE/BURST, as in 200/1000, both above 0, or off; not {text!r}")
    return Rate(float(found[1]), int(found[2]))


def take(tat: float, now: float, rate: Rate) -> tuple[float, float]:
    """(the TAT from now on, seconds to wait): 0 to wait for one that conforms; else nothing has changed."""
    early = max(tat, now) - rate.tolerance - now
    return (tat, early) if early > 0 else (max(tat, now) + rate.interval, 0.0)


@dataclass
class LocalLimits:
    """Rates kept in this process: what holds while Redis is gone."""

    clock: Callable[[], float]
    most: int = 10_000
    _tats: dict[str, float] = field(default_factory=dict)

    def take(self, name: str, rate: Rate) -> float:
        """Seconds to wait, 0 when it may pass."""
        now = self.clock()
        if len(self._tats) >= self.most:
            self._tats = {known: tat for known, tat in self._tats.items() if tat > now}
        self._tats[name], wait = take(self._tats.get(name, 0.0), now, rate)
        return wait
