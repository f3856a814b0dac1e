"""All that waits for a tenant's reviewers, seen at once: what each wait costs, the order, who should be asked, and
whether the reviewers can keep up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from shared.coordination.task_keys import CUSTOMER_KINDS, keys_of
from shared.errors import Invalid
from shared.tools.alike import Candidate, Group, group_alike
from shared.tools.erlang import Capacity, capacity
from shared.tools.money import Money
from shared.tools.past_reviews import PastReviews
from shared.tools.rates import Rate, convert
from shared.tools.reading import exact_decimal
from shared.tools.review_queue import (
    USUAL_MINUTES,
    DelayLoss,
    Ranked,
    Waiting,
    arrange,
    delay_loss,
    rank,
    review_minutes,
    will_expire,
)
from shared.tools.review_request import ReviewRequest
from shared.tools.reviewers import Load, Reviewer, Suggestion, suggest_reviewer
from shared.tools.words import words

#: The share of a sale that is lost with it, by task type (policy; a tenant's `margins` replace it). Of other types
#: the whole amount is at stake.
MARGINS: Mapping[str, Decimal] = {"order": Decimal("0.25")}
#: Goods that are on their way with a suspected fraud: by waiting, all of it may be lost.
FRAUD = "fraud_risk_detected"
ON_THE_WAY = frozenset({"shipped", "fulfilled", "partially_fulfilled", "delivered"})


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request's wait costs; `loss` is None when it cannot be told. `note` says what was taken for it."""

    loss: DelayLoss | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Staffing:
    """Whether the reviewers keep up: the Erlang wait, the requests that will expire before their turn, and a warning
    in words, "" for none."""

    capacity: Capacity
    reviewers: int
    will_expire: tuple[str, ...]
    warning: str


@dataclass(frozen=True)
class Desk:
    """One tenant's waiting requests at one moment. `currency` and `rates` are the tenant's; `reviewers` those of its
    settings, none where it names none, and `problems` what is wrong with them."""

    pending: Sequence[ReviewRequest]
    reviewers: Sequence[Reviewer]
    problems: Sequence[str]
    past: PastReviews
    settings: Mapping[str, Any]
    currency: str
    rates: Sequence[Rate]
    now: datetime

    @cached_property
    def _lost(self) -> Mapping[str, tuple[int, float]]:
        return self.past.losses(((one.task_type, one.created_at) for one in self.pending), self.now)

    @cached_property
    def _usual(self) -> Mapping[str, Money]:
        return self.past.usual_amounts(self.currency, self.rates)

    def cost_of(self, request: ReviewRequest) -> Cost:
        """The loss by waiting, in the tenant's currency; an unknown amount counts as the type's median."""
        amount, note = self._amount_of(request)
        if amount is None:
            return Cost(None, note)
        lost, waited = self._lost.get(request.task_type, (0, 0.0))
        hours_left = request.hours_left(self.now)
        margin, doubt = self._margin_of(request)
        loss = delay_loss(amount, margin=margin, lost=lost, waited_hours=waited, hours_left=hours_left)
        return Cost(loss, "; ".join(filter(None, (note, doubt))))

    def _amount_of(self, request: ReviewRequest) -> tuple[Money | None, str]:
        try:
            given = request.amount
            found = convert(given, self.currency, self.rates) if given else None
        except Invalid as error:
            given, found, why = None, None, error.detail
        else:
            why = f"no rate {given.currency}/{self.currency}" if given else "no amount is named"
        if found is not None:
            return found, ""
        usual = self._usual.get(request.task_type)
        if usual is None:
            return None, f"{why}; nothing is known of other {request.task_type} requests: it keeps its place by age"
        return usual, f"{why}; the median of {request.task_type} requests stands in, {usual.rounded()}"

    def _margin_of(self, request: ReviewRequest) -> tuple[Decimal | None, str]:
        """The share of the amount that is at stake (None: all of it), and what is wrong with the tenant's own."""
        if FRAUD in request.triggers and (
            request.task_data.get("shipped") is True or request.task_data.get("status") in ON_THE_WAY
        ):
            return None, ""
        usual = MARGINS.get(request.task_type)
        given = self.settings.get("margins")
        named = given.get(request.task_type) if isinstance(given, Mapping) else None
        if named is None:
            return usual, ""
        field = f"margins.{request.task_type}"
        try:
            margin = exact_decimal(named, field)
        except Invalid as error:
            return usual, error.detail
        return (margin, "") if 0 <= margin <= 1 else (usual, f"{field}: must lie in 0..1")

    @cached_property
    def waiting(self) -> tuple[Waiting, ...]:
        """The requests as the queue sees them."""
        return tuple(self._waiting(request) for request in self.pending)

    def _waiting(self, request: ReviewRequest) -> Waiting:
        loss = self.cost_of(request).loss
        return Waiting(
            id=request.id,
            urgency=request.urgency,
            created_at=request.created_at,
            hours_left=request.hours_left(self.now),
            minutes=self.minutes_of(request.task_type),
            stake=None if loss is None else float(loss.stake.amount),
            hazard=0.0 if loss is None else loss.hazard,
        )

    def minutes_of(self, task_type: str, reviewer: str = "") -> float:
        """Minutes that a review of this type takes, by this reviewer or by anybody."""
        own = self.past.minutes(task_type, reviewer) if reviewer else ()
        return review_minutes(own, self.past.minutes(task_type))

    @property
    def _across(self) -> bool:
        return self.settings.get("rank_across_urgency") is True

    @cached_property
    def at_work(self) -> int:
        """Reviewers who are not absent; one at least, for somebody decides."""
        return max(1, sum(not (one.absent_until and one.absent_until > self.now) for one in self.reviewers))

    @cached_property
    def queue(self) -> Mapping[str, Ranked]:
        """Each request's place, by id, in the order of the queue."""
        return {one.id: one for one in rank(self._line, reviewers=self.at_work)}

    @cached_property
    def _line(self) -> Sequence[Waiting]:
        return arrange(self.waiting, across_urgency=self._across, reviewers=self.at_work)

    def expected_loss(self, request_id: str) -> str | None:
        """What a request is expected to lose at its place, as text at the minor unit; None when it cannot be told."""
        loss = self.queue[request_id].expected_loss
        return None if loss is None else f"{Money(Decimal(repr(loss)), self.currency).rounded().amount:f}"

    @cached_property
    def groups(self) -> Mapping[str, Group]:
        """The group of each request that is in one, by the request's id."""
        found = group_alike([self._candidate(request) for request in self.pending])
        return {member: group for group in found for member in group.ids}

    def _candidate(self, request: ReviewRequest) -> Candidate:
        data = request.task_data
        lines = data.get("lines")
        goods = [data, *(each for each in lines if isinstance(each, Mapping))] if isinstance(lines, list) else [data]
        language = data.get("language")
        try:
            amount = request.amount
        except Invalid:
            amount = None
        return Candidate(
            id=request.id,
            created_at=request.created_at,
            task_type=request.task_type,
            triggers=frozenset(request.triggers),
            role=request.role,
            action=request.verb,
            subjects={
                "customer": frozenset(value for kind, value in keys_of(data) if kind in CUSTOMER_KINDS),
                "sku": frozenset(str(each["sku"]) for each in goods if each.get("sku")),
                "supplier": frozenset(str(data[name]) for name in ("supplier_id", "supplier") if data.get(name)),
            },
            words=frozenset(
                words(" ".join(text for _, text in request.words), language if isinstance(language, str) else "en")
            ),
            amount=amount,
        )

    def suggestion_for(self, request: ReviewRequest) -> Suggestion:
        """Who should be asked to decide it."""
        return suggest_reviewer(
            request.task_type,
            request.triggers,
            request.caused_by,
            request.expires_at,
            self.reviewers,
            self._loads(request),
            self.now,
        )

    def _loads(self, request: ReviewRequest) -> dict[str, Load]:
        queued: dict[str, float] = defaultdict(float)
        for other in self.pending:
            asked = asked_before(other)
            if asked and other.id != request.id:
                queued[asked] += self.minutes_of(other.task_type, asked)
        return {
            one.user_id: Load(
                queued=queued[one.user_id],
                review=self.minutes_of(request.task_type, one.user_id),
                decided=self.past.decided.get((request.task_type, one.user_id), 0),
            )
            for one in self.reviewers
        }

    @cached_property
    def staffing(self) -> Staffing:
        """Whether what comes in can be decided in time by those who are there."""
        arrivals = self.past.arrivals_per_hour((one.created_at for one in self.pending), self.now)
        found = capacity(arrivals, 60 / (self.past.mean_minutes() or USUAL_MINUTES), self.at_work)
        begin = min((one.hours_to_work(self.now) for one in self.reviewers), default=0.0)
        late = tuple(will_expire(self._line, reviewers=self.at_work, begin_hours=begin))
        warnings = []
        if found.unstable:
            warnings.append("requests come faster than the reviewers can decide them")
        if late:
            warnings.append(f"{len(late)} of {len(self._line)} requests will expire before their turn")
        return Staffing(found, self.at_work, late, "; ".join(warnings))


def asked_before(request: ReviewRequest) -> str | None:
    """The reviewer whom an earlier preparation suggested."""
    suggested = request.notes.get("suggested_reviewer")
    found = suggested.get("user_id") if isinstance(suggested, Mapping) else None
    return found if isinstance(found, str) else None
