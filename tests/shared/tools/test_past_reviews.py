"""What past requests say of durations, losses, amounts, arrivals and haste."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.tools.money import money
from shared.tools.past_reviews import PastReview, PastReviews
from shared.tools.rates import Rate

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def past(opened: float, ended: float, reviewer: str = "ann", **more: Any) -> PastReview:
    values = {"task_type": "order", "status": "approved", "decision": "approve", "impact": {}} | more
    return PastReview(reviewer=reviewer, created_at=at(opened), decided_at=at(ended), **values)


def lost(opened: float, ended: float, status: str = "expired", **more: Any) -> PastReview:
    return past(opened, ended, "", status=status, decision="", **more)


def test_a_review_lasts_since_the_reviewer_was_free_for_it() -> None:
    """Since the request came or since their last decision, whichever is later; another reviewer's does not count."""
    reviews = PastReviews([past(0, 4), past(1, 10), past(0, 7, "bob"), past(0, 60)])
    assert reviews.minutes("order", "ann") == [4.0, 6.0]  # the third came 50 minutes later: a pause
    assert sorted(reviews.minutes("order")) == [4.0, 6.0, 7.0]
    assert reviews.minutes("content") == []
    assert reviews.mean_minutes() == pytest.approx(17 / 3)
    assert PastReviews([]).mean_minutes() is None


def test_a_decision_in_no_time_counts_as_a_second() -> None:
    """So that its logarithm exists."""
    assert PastReviews([past(0, 0)]).minutes("order", "ann") == [1 / 60]


def test_losses_while_waiting_by_type() -> None:
    """Expired and withdrawn of all; those that still wait count their hours, of a type that has a past."""
    reviews = PastReviews([past(0, 60), lost(0, 120), lost(0, 60, "withdrawn"), past(0, 30, task_type="content")])
    waiting = [("order", at(60)), ("inventory", at(0))]
    assert reviews.losses(waiting, at(180)) == {"order": (2, 6.0), "content": (0, 0.5)}


def test_the_usual_amount_of_a_type_in_the_tenants_currency() -> None:
    """The median of what converts; what has no rate or is no money is left out."""
    rate = Rate("USD", "EUR", Decimal("0.5"), START)
    amounts = [("10.00", "EUR"), ("30.00", "EUR"), ("100.00", "USD"), ("1.00", "GBP"), (5.5, "EUR")]
    reviews = PastReviews(
        [past(0, 1, impact={"financial": {"amount": amount, "currency": code}}) for amount, code in amounts]
        + [past(0, 1, impact={"financial": None}, task_type="content")]
    )
    assert reviews.usual_amounts("EUR", [rate]) == {"order": money("30.00", "EUR")}


def test_arrivals_of_the_last_seven_days() -> None:
    """For each hour since the first of them, of a day at least."""
    now = START + timedelta(days=4)
    reviews = PastReviews([past(0, 5), past(600, 605)])
    assert reviews.arrivals_per_hour([at(900)], now) == 3 / 96
    assert reviews.arrivals_per_hour([], START + timedelta(days=20)) == 0.0
    assert PastReviews([]).arrivals_per_hour([at(0)], at(30)) == 1 / 24


def test_a_run_of_hasty_approvals() -> None:
    """In a row, by one reviewer, up to a moment; a rejection or ten seconds of thought end it."""
    seconds = [past(0, 1), *[past(0, 1 + index * 0.1) for index in range(1, 4)]]  # one minute, then 6 s each
    reviews = PastReviews([*seconds, past(0, 1.15, "bob")])
    assert reviews.hasty_run("ann", at(5)) == 3
    assert reviews.hasty_run("ann", at(1.2)) == 2
    assert reviews.hasty_run("cid", at(5)) == 0
    rejected = past(0, 1.4, decision="reject", status="rejected")
    assert PastReviews([*seconds, rejected]).hasty_run("ann", at(5)) == 0
