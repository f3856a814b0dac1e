"""A tenant's desk: the page's proof from requests to places, what is at stake, and who keeps up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.coordination.desk import Desk
from shared.tools.past_reviews import PastReview, PastReviews
from shared.tools.rates import Rate
from shared.tools.review_request import ReviewRequest
from shared.tools.reviewers import Reviewer

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


def request(name: str, amount: str | None = "100.00", currency: str = "EUR", **more: Any) -> ReviewRequest:
    values: dict[str, Any] = {
        "id": name,
        "task_id": f"t-{name}",
        "task_type": "order",
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=24),
        "urgency": "low",
        "triggers": ["high_value_transaction"],
        "estimated_impact": {"financial": amount and {"amount": amount, "currency": currency}},
    }
    return ReviewRequest.read(values | more)


def desk(*pending: ReviewRequest, past: Any = (), settings: Any = None, rates: Any = (), reviewers: Any = ()) -> Desk:
    return Desk(pending, reviewers, (), PastReviews(past), settings or {}, "EUR", rates, NOW)


def past(task_type: str, opened: float, hours: float, status: str = "approved") -> PastReview:
    """A request of before, opened and ended so many hours ago; a decided one was looked at by somebody."""
    decision = "approve" if status == "approved" else ""
    return PastReview(
        task_type, status, decision, "ann", NOW - timedelta(hours=opened), NOW - timedelta(hours=hours), {}
    )


def looked(task_type: str, minutes: float, since: float) -> PastReview:
    """A decision that took so many minutes, so many hours ago."""
    opened = NOW - timedelta(hours=since)
    return PastReview(task_type, "approved", "approve", "ann", opened, opened + timedelta(minutes=minutes), {})


def test_the_proof_of_the_page_from_requests_to_places() -> None:
    """Hazards from lost and waited hours, minutes from reviews: 26.64, 4.50 and 300.00 an hour; R3, R1, R2."""
    history = [
        *[past("order", 66.0, 2.0, "expired") for _ in range(5)],  # 5 lost in 320 hours, with the 8 minutes below
        looked("order", 8, 400),
        past("refund", 32.0, 2.0, "withdrawn"),  # 1 lost in 30 hours
        looked("refund", 3, 500),
    ]
    found = desk(
        request("R1", "6200.00", created_at=NOW - timedelta(minutes=2)),
        request("R2", "90.00", task_type="refund", created_at=NOW - timedelta(minutes=1)),
        request("R3", "1200.00", task_type="preorder", expires_at=NOW + timedelta(hours=1)),
        past=[*history, looked("other", 6, 600)],
        settings={"margins": {"preorder": "0.25"}},
    )
    per_hour = {}
    for one in found.pending:
        loss = found.cost_of(one).loss
        assert loss is not None
        per_hour[one.id] = float(loss.per_hour.amount)
    # A few minutes of waiting are in the hours too: a thousandth.
    assert per_hour == pytest.approx({"R1": 26.64, "R2": 4.50, "R3": 300.00}, rel=0.01)
    assert list(found.queue) == ["R3", "R1", "R2"]


@pytest.mark.parametrize(
    ("more", "settings", "stake"),
    [
        ({}, {}, "25.00"),
        ({}, {"margins": {"order": "0.4"}}, "40.00"),
        ({}, {"margins": {"content": "0.4"}}, "25.00"),
        ({"task_type": "support_ticket"}, {}, "100.00"),
        ({"triggers": ["fraud_risk_detected"], "task_data": {"shipped": True}}, {}, "100.00"),
        ({"triggers": ["fraud_risk_detected"], "task_data": {"status": "fulfilled"}}, {}, "100.00"),
        ({"triggers": ["fraud_risk_detected"]}, {}, "25.00"),
    ],
)
def test_what_is_at_stake(more: dict[str, Any], settings: dict[str, Any], stake: str) -> None:
    """Of a sale its margin, of anything else all of it, and all of it once goods are on their way to a suspect."""
    loss = desk(settings=settings).cost_of(request("r", **more)).loss
    assert loss is not None
    assert str(loss.stake.rounded()) == f"{stake} EUR"


@pytest.mark.parametrize("margin", ["4", "-0.1", 0.25, "much"])
def test_a_margin_that_is_none_is_named_and_the_usual_taken(margin: Any) -> None:
    """One wrong setting must not stop the queue."""
    cost = desk(settings={"margins": {"order": margin}}).cost_of(request("r"))
    assert cost.loss is not None
    assert str(cost.loss.stake.rounded()) == "25.00 EUR"
    assert "margins.order" in cost.note


def test_an_amount_is_converted_by_the_tenants_rates() -> None:
    """100 USD at 0.92 are 92 EUR, of which 23 are at stake."""
    loss = desk(rates=[Rate("USD", "EUR", Decimal("0.92"), NOW)]).cost_of(request("r", currency="USD")).loss
    assert loss is not None
    assert str(loss.stake.rounded()) == "23.00 EUR"


@pytest.mark.parametrize(("amount", "currency", "why"), [(None, "", "no amount"), ("5", "JPY", "no rate JPY/EUR")])
def test_what_cannot_be_told_is_said(amount: str | None, currency: str, why: str) -> None:
    """Without an amount, a rate and a past there is no loss, and the request keeps its place by age."""
    cost = desk().cost_of(request("r", amount, currency))
    assert cost.loss is None
    assert why in cost.note
    assert "place by age" in cost.note


def test_the_load_of_reviewers_comes_from_what_they_were_asked() -> None:
    """Two requests of five minutes wait for Ann: she would come to this one in ten, Bob at once."""
    asked = {"suggested_reviewer": {"user_id": "ann"}}
    waiting = [request("a", notes=asked), request("b", notes=asked), request("c")]
    found = desk(*waiting, reviewers=[Reviewer("ann"), Reviewer("bob")])
    assert found.suggestion_for(waiting[2]).user_id == "bob"
    assert desk(*waiting, reviewers=[Reviewer("ann")]).suggestion_for(waiting[2]).wait_minutes == pytest.approx(10.0)


def test_absent_reviewers_do_not_keep_up() -> None:
    """Of three, one is away; with nobody named one is counted."""
    away = Reviewer("cid", absent_until=NOW + timedelta(days=1))
    assert desk(reviewers=[Reviewer("ann"), Reviewer("bob"), away]).at_work == 2
    assert desk().at_work == 1


def test_a_quiet_desk_warns_of_nothing() -> None:
    """One request of a day's time, one reviewer."""
    staffing = desk(request("r")).staffing
    assert (staffing.will_expire, staffing.capacity.unstable, staffing.warning) == ((), False, "")


def test_work_that_begins_too_late_expires() -> None:
    """Everybody starts at 17:00, the request expires at 12:00: it will, and the warning says so."""
    late = Reviewer.read({"user_id": "a", "working_hours": {"opens": "17:00", "closes": "20:00"}}, "reviewers[0]")
    staffing = desk(request("r", expires_at=NOW + timedelta(hours=4)), reviewers=[late]).staffing
    assert staffing.will_expire == ("r",)
    assert "1 of 1 requests will expire" in staffing.warning
