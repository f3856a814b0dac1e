"""What a tenant's past requests say: how long reviews take, how many are lost while they wait, what is usual."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from statistics import median
from typing import Any

from shared.errors import Invalid
from shared.tools.money import Money
from shared.tools.rates import Rate, convert
from shared.tools.review_request import read_money

#: A longer time since the reviewer's last decision was a pause, not a review (policy).
LONGEST_REVIEW = timedelta(minutes=30)
SHORTEST_REVIEW = timedelta(seconds=1)
#: So many approvals in a row, each faster than this, are reported to the tenant's admins (policy).
HASTY_RUN, HASTY = 20, timedelta(seconds=10)
#: Requests that ended without a decision were lost while they waited.
LOST = frozenset({"expired", "withdrawn"})
ARRIVAL_DAYS = 7


@dataclass(frozen=True, slots=True)
class PastReview:
    """A request that waits no more; `decided_at` is when it was decided or lost."""

    task_type: str
    status: str
    decision: str
    reviewer: str
    created_at: datetime
    decided_at: datetime
    impact: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """One decision and the time that it took: since the request came, or since the reviewer's decision before."""

    task_type: str
    reviewer: str
    decision: str
    at: datetime
    took: timedelta


@dataclass(frozen=True)
class PastReviews:
    """The requests of one tenant, in any order."""

    requests: Sequence[PastReview]

    @cached_property
    def looked(self) -> tuple[Looked, ...]:
        """The decisions in their order. Nobody records when a reviewer opens a request, so the time since they
        were free for it stands for the time they looked at it."""
        free: dict[str, datetime] = {}
        found = []
        for one in sorted((one for one in self.requests if one.decision), key=lambda one: one.decided_at):
            since = max(one.created_at, free.get(one.reviewer, one.created_at))
            found.append(Looked(one.task_type, one.reviewer, one.decision, one.decided_at, one.decided_at - since))
            free[one.reviewer] = one.decided_at
        return tuple(found)

    @cached_property
    def _minutes(self) -> Mapping[tuple[str, str], list[float]]:
        minutes: dict[tuple[str, str], list[float]] = defaultdict(list)
        for one in self.looked:
            if one.took <= LONGEST_REVIEW:
                took = max(one.took, SHORTEST_REVIEW).total_seconds() / 60
                minutes[one.task_type, one.reviewer].append(took)
                minutes[one.task_type, ""].append(took)
        return minutes

    def minutes(self, task_type: str, reviewer: str = "") -> list[float]:
        """Minutes of the reviews of a type, by one reviewer or by all."""
        return self._minutes.get((task_type, reviewer), [])

    def mean_minutes(self) -> float | None:
        """Mean minutes of a review of any type; None without any."""
        every = [minutes for (_, reviewer), list_ in self._minutes.items() if not reviewer for minutes in list_]
        return sum(every) / len(every) if every else None

    @cached_property
    def decided(self) -> Mapping[tuple[str, str], int]:
        """Decisions by (task type, reviewer)."""
        return Counter((one.task_type, one.reviewer) for one in self.looked)

    def losses(self, waiting: Iterable[tuple[str, datetime]], now: datetime) -> dict[str, tuple[int, float]]:
        """(lost while waiting, hours waited) by task type; those that still wait, (type, since), count hours."""
        lost: Counter[str] = Counter()
        hours: dict[str, float] = defaultdict(float)
        for one in self.requests:
            hours[one.task_type] += (one.decided_at - one.created_at).total_seconds() / 3600
            lost[one.task_type] += one.status in LOST
        known = set(hours)
        for task_type, since in waiting:
            if task_type in known:
                hours[task_type] += max(0.0, (now - since).total_seconds() / 3600)
        return {task_type: (lost[task_type], waited) for task_type, waited in hours.items()}

    def usual_amounts(self, currency: str, rates: Sequence[Rate]) -> dict[str, Money]:
        """The median money in question by task type, in `currency`; types without any that converts are absent."""
        amounts: dict[str, list[Money]] = defaultdict(list)
        for one in self.requests:
            try:
                given = read_money(one.impact.get("financial"))
                found = convert(given, currency, rates) if given else None
            except Invalid:
                continue  # one past request that cannot be read leaves the others
            if found is not None:
                amounts[one.task_type].append(found)
        return {
            task_type: Money(median(each.amount for each in found), currency) for task_type, found in amounts.items()
        }

    def arrivals_per_hour(self, waiting: Iterable[datetime], now: datetime) -> float:
        """Requests opened in the last seven days, for each hour since the first of them (24 hours at least)."""
        since = now - timedelta(days=ARRIVAL_DAYS)
        opened = [at for at in (*(one.created_at for one in self.requests), *waiting) if since <= at <= now]
        if not opened:
            return 0.0
        return len(opened) / max(24.0, (now - min(opened)).total_seconds() / 3600)

    def hasty_run(self, reviewer: str, until: datetime) -> int:
        """How many decisions in a row up to a moment this reviewer approved within 10 seconds each."""
        run = 0
        for one in reversed(self.looked):
            if one.reviewer != reviewer or one.at > until:
                continue
            if one.decision != "approve" or one.took >= HASTY:
                break
            run += 1
        return run
