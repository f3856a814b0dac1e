"""How often people kept what a role recommended, and how true its confidence was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from shared.tools.statistics import wilson

#: A recommendation counts beside another whose confidence is at most this far away.
BAND = 0.1
#: Fewer decisions than this show no percentage (policy).
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """One decided recommendation: whose, on what, how sure it was and whether the human kept it."""

    role: str
    task_type: str
    triggers: Collection[str]
    confidence: float | None
    agreed: bool


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """`agreed` of `n` were kept, with the Wilson interval of the share (None for fewer than 10); `brier` is over
    all decisions alike but for the confidence, None without any."""

    agreed: int
    n: int
    lo: float | None
    hi: float | None
    brier: float | None


def track_record(
    role: str, task_type: str, triggers: Collection[str], confidence: float | None, decisions: Iterable[Kept]
) -> TrackRecord:
    """The record of a role on tasks of this type that stopped for one of the same triggers.

    Counted are the recommendations with a confidence within 0.1 of this one; without one, none can be told apart
    and all count.
    """
    alike = [one for one in decisions if (one.role, one.task_type) == (role, task_type)]
    alike = [one for one in alike if not set(one.triggers).isdisjoint(triggers)]
    near = [one for one in alike if _near(one.confidence, confidence)]
    agreed, n = sum(one.agreed for one in near), len(near)
    lo, hi = wilson(agreed, n) if n >= FEWEST else (None, None)
    sure = [(one.confidence, one.agreed) for one in alike if one.confidence is not None]
    return TrackRecord(agreed, n, lo, hi, brier_score(sure) if sure else None)


def brier_score(forecasts: Sequence[tuple[float, bool]]) -> float:
    """Mean of (confidence - outcome)^2, 0 is perfect (Brier, Monthly Weather Review 78, 1950)."""
    return fmean((confidence - float(happened)) ** 2 for confidence, happened in forecasts)


def _near(one: float | None, other: float | None) -> bool:
    if other is None:
        return True
    return one is not None and abs(one - other) <= BAND + 1e-9  # 0.9 - 0.8 is a little more than 0.1
