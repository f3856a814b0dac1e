"""In which order waiting requests lose the least: what a wait costs, how long a review takes, and the queue.

A request that waits t hours loses stake x (1 - e^(-hazard t)), and the whole stake once it expires. The order
starts by the c-mu rule, loss per hour over minutes of work (Smith, Naval Research Logistics Quarterly 3, 1956; Cox
and Smith, Queues, 1961), which is best while losses grow in a straight line; neighbours are then swapped while the
exact sum falls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise
from statistics import fmean

from shared.errors import Invalid
from shared.tools.money import Money

URGENCIES = ("high", "medium", "low")
#: Minutes that a review takes until one was seen, and how many reviews the type's habit weighs (policy).
USUAL_MINUTES = 5.0
HABIT_WEIGHT = 5
#: A request that is due still has this long, in hours: its hazard stays finite.
SHORTEST_HOURS = 1 / 60
SURE = 1 - 1e-12


@dataclass(frozen=True, slots=True)
class DelayLoss:
    """What waiting costs: the whole `stake`, the `hazard` per hour of losing it, and stake x hazard, unrounded."""

    stake: Money
    hazard: float
    per_hour: Money


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request as the queue sees it. `stake` is in the tenant's currency; None (it could not be told) makes the
    request keep its place by age. `minutes` of review are above 0."""

    id: str
    urgency: str
    created_at: datetime
    hours_left: float
    minutes: float
    stake: float | None
    hazard: float

    def loss(self, hours: float) -> float:
        """What is expected to be lost when the decision comes after so many hours."""
        if self.stake is None:
            return 0.0
        if hours >= self.hours_left:
            return self.stake
        return -self.stake * math.expm1(-self.hazard * hours)

    @property
    def index(self) -> float:
        """Expected loss per hour of waiting, for each hour of review."""
        return (self.stake or 0.0) * self.hazard * 60 / self.minutes


@dataclass(frozen=True, slots=True)
class Ranked:
    """A place in the queue, from 1, and what the request is expected to lose until it is decided there."""

    id: str
    rank: int
    expected_loss: float | None


def hazard(lost: int, waited_hours: float, hours_left: float) -> float:
    """Rate per hour at which requests are lost while they wait: (k + 1/2) / H for k lost in H hours, so never 0
    (Poisson rate under Jeffreys' prior); without hours of history, 1 / (hours to expiry)."""
    if lost < 0 or waited_hours < 0:
        raise Invalid.field("lost" if lost < 0 else "waited_hours", "must be at least 0")
    return (lost + 0.5) / waited_hours if waited_hours else 1 / max(hours_left, SHORTEST_HOURS)


def delay_loss(
    amount: Money, *, margin: Decimal | None, lost: int, waited_hours: float, hours_left: float
) -> DelayLoss:
    """The loss by waiting of a request over `amount`: of a sale its `margin` share (0..1), of a loss that grows
    by waiting all of it (margin None)."""
    if margin is not None and not 0 <= margin <= 1:
        raise Invalid.field("margin", "must lie in 0..1")
    stake = abs(amount) if margin is None else abs(amount).times(margin)
    rate = hazard(lost, waited_hours, hours_left)
    return DelayLoss(stake, rate, stake.times(Decimal(repr(rate))))


def review_minutes(own: Sequence[float], of_type: Sequence[float]) -> float:
    """Minutes that a reviewer will need: the geometric mean of their `own` reviews of the type, drawn to that of
    all reviews of the type as if that were five more of their own. All durations are minutes above 0."""
    if any(minutes <= 0 for minutes in (*own, *of_type)):
        raise Invalid.field("minutes", "must be above 0")
    usual = fmean(map(math.log, of_type)) if of_type else math.log(USUAL_MINUTES)
    if not own:
        return math.exp(usual)
    mine = fmean(map(math.log, own))
    return math.exp((len(own) * mine + HABIT_WEIGHT * usual) / (len(own) + HABIT_WEIGHT))


def order_queue(pending: Sequence[Waiting], *, across_urgency: bool = False, reviewers: int = 1) -> list[Ranked]:
    """The queue that is expected to lose least, by urgency class unless told to rank across; ties oldest first.

    `reviewers` work it off side by side. Within a class the result loses no more than the order by age and no
    more than the c-mu order.
    """
    return rank(arrange(pending, across_urgency=across_urgency, reviewers=reviewers), reviewers=reviewers)


def rank(line: Sequence[Waiting], *, reviewers: int = 1) -> list[Ranked]:
    """The places of a queue that is in order, and what each request is expected to lose at its own."""
    ends = _ends(line, reviewers)
    return [
        Ranked(item.id, rank, None if item.stake is None else item.loss(end))
        for rank, (item, end) in enumerate(zip(line, ends, strict=True), start=1)
    ]


def arrange(pending: Sequence[Waiting], *, across_urgency: bool = False, reviewers: int = 1) -> list[Waiting]:
    """As `order_queue`, the requests themselves in their order."""
    line: list[Waiting] = []
    for urgency in (None,) if across_urgency else URGENCIES:
        members = [item for item in pending if urgency in (None, item.urgency)]
        line += _best(by_age(members), sum(item.minutes for item in line), reviewers)
    return line


def by_age(pending: Sequence[Waiting]) -> list[Waiting]:
    """Oldest first."""
    return sorted(pending, key=lambda item: (item.created_at, item.id))


def queue_loss(line: Sequence[Waiting], *, reviewers: int = 1) -> float:
    """What a whole queue is expected to lose when it is worked off in this order."""
    return sum(item.loss(end) for item, end in zip(line, _ends(line, reviewers), strict=True))


def will_expire(line: Sequence[Waiting], *, reviewers: int = 1, begin_hours: float = 0.0) -> list[str]:
    """Ids of requests whose turn comes after they expire, when work begins in `begin_hours`."""
    starts = accumulate((item.minutes for item in line), initial=0.0)
    return [
        item.id
        for item, start in zip(line, starts, strict=False)
        if begin_hours + start / reviewers / 60 > item.hours_left
    ]


def _best(aged: list[Waiting], before: float, reviewers: int) -> list[Waiting]:
    """A class of the queue, given oldest first, that `before` minutes of work precede."""
    slots = [place for place, item in enumerate(aged) if item.stake is not None]
    indexed = list(aged)
    for slot, item in zip(slots, sorted((aged[slot] for slot in slots), key=lambda item: -item.index), strict=True):
        indexed[slot] = item
    line = _improve(indexed, slots, before, reviewers)
    if _cost(line, before, reviewers) <= _cost(aged, before, reviewers):
        return line
    # Requests about to expire can make the index the worse start of the two.
    return _improve(aged, slots, before, reviewers)


def _improve(start: list[Waiting], slots: list[int], before: float, reviewers: int) -> list[Waiting]:
    """Swap neighbours among the slots while that lowers the loss; at most as many passes as there are requests."""
    line = list(start)
    for _ in line:
        changed = False
        clock = before + sum(item.minutes for item in line[: slots[0]]) if slots else before
        for here, there in pairwise(slots):
            between = sum(item.minutes for item in line[here + 1 : there]) if there - here > 1 else 0.0
            one, other = line[here], line[there]
            # The margin keeps rounding from swapping equals for ever.
            if _pair(other, one, clock, between, reviewers) < _pair(one, other, clock, between, reviewers) * SURE:
                line[here], line[there] = other, one
                changed = True
            clock += line[here].minutes + between
        if not changed:
            break
    return line


def _pair(one: Waiting, other: Waiting, clock: float, between: float, reviewers: int) -> float:
    """What two lose when `one` is decided after `clock` minutes of work and `other` after it and those between."""
    first = one.loss((clock / reviewers + one.minutes) / 60)
    return first + other.loss(((clock + one.minutes + between) / reviewers + other.minutes) / 60)


def _cost(line: Sequence[Waiting], before: float, reviewers: int) -> float:
    return sum(item.loss(end) for item, end in zip(line, _ends(line, reviewers, before), strict=True))


def _ends(line: Sequence[Waiting], reviewers: int, before: float = 0.0) -> list[float]:
    """Hours until each is decided: `reviewers` share what stands before it, one does the review itself."""
    starts = accumulate((item.minutes for item in line), initial=before)
    return [(start / reviewers + item.minutes) / 60 for item, start in zip(line, starts, strict=False)]
