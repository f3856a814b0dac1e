"""What a figure is: one number a round, ours and a baseline's in turn, so that both meet the same noise."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Better = Literal["less", "more"]


class Skipped(Exception):
    """Raised when a benchmark cannot run on this machine; says what is missing."""


@dataclass(frozen=True)
class Figure:
    """One line of the table. `ours` and `baseline` hold a number a round; no baseline is ().

    `better` says which way is good; `goal` is in words, `reached` whether it was met (None: there is none).
    """

    name: str
    unit: str
    better: Better
    ours: tuple[float, ...]
    baseline: tuple[float, ...] = ()
    against: str = ""
    goal: str = ""
    reached: bool | None = None
    how: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the baseline, by the medians."""
        if not self.baseline:
            return None
        ours, theirs = statistics.median(self.ours), statistics.median(self.baseline)
        return theirs / ours if self.better == "less" else ours / theirs

    def to_json(self) -> dict[str, Any]:
        """With all raw numbers."""
        return asdict(self) | {"ratio": self.ratio, "ours_quartiles": quartiles(self.ours)} | {
            "baseline_quartiles": quartiles(self.baseline) if self.baseline else None
        }  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """What a benchmark is given: how many rounds, a folder that is removed after it, and a way to say how far it is."""

    rounds: int
    folder: Path
    say: Callable[[str], None]


def quartiles(numbers: tuple[float, ...]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile (inclusive method)."""
    if len(numbers) == 1:
        return numbers[0], numbers[0], numbers[0]
    low, middle, high = statistics.quantiles(numbers, n=4, method="inclusive")
    return low, middle, high


def percentile(numbers: list[float], share: float) -> float:
    """The smallest number that at least `share` (0 to 1) of them do not exceed (nearest rank)."""
    ordered = sorted(numbers)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
