"""When to leave a failing service alone: the circuit breaker as pure functions of what happened and when.

1. Closed: calls go through. `failures` in a row open it; so does one that asks for a pause of `pause` or more.
2. Open: nothing goes through for a pause that doubles each time, up to `longest_pause`.
3. Half-open, once the pause is over: one call goes through as a probe (the store sees to "one"). Success closes
   the circuit, failure opens it again.
4. An answer to a call from before the opening changes nothing but the pause that it may name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Phase = Literal["closed", "open", "half_open"]


@dataclass(frozen=True)
class Policy:
    """The numbers of a breaker; pauses in seconds."""

    failures: int = 5
    pause: float = 30.0
    longest_pause: float = 600.0


@dataclass(frozen=True)
class Circuit:
    """Its state: failures in a row, how often it opened in a row, and until when it is open (seconds since 1970;
    0 while closed)."""

    failures: int = 0
    openings: int = 0
    open_until: float = 0.0

    def phase(self, now: float) -> Phase:
        """Which of the three it is at a moment."""
        if not self.open_until:
            return "closed"
        return "open" if now < self.open_until else "half_open"


@dataclass(frozen=True)
class Succeeded:
    """A call came back well."""


@dataclass(frozen=True)
class Failed:
    """A call failed; `pause` are the seconds for which the service asked to be left alone."""

    pause: float = 0.0


CLOSED = Circuit()


def after(circuit: Circuit, event: Succeeded | Failed, now: float, policy: Policy) -> Circuit:
    """The state after something happened."""
    phase = circuit.phase(now)
    asked = now + min(event.pause, policy.longest_pause) if isinstance(event, Failed) else 0.0
    if phase == "open":
        return replace(circuit, open_until=max(circuit.open_until, asked))
    if isinstance(event, Succeeded):
        return CLOSED
    failures = circuit.failures + 1
    if phase == "closed" and failures < policy.failures and event.pause < policy.pause:
        return replace(circuit, failures=failures)
    # 2 ** 30 pauses are years: the exponent is bounded so that it stays a number.
    pause = min(policy.longest_pause, policy.pause * 2 ** min(circuit.openings, 30))
    return Circuit(failures, circuit.openings + 1, max(now + pause, asked))
