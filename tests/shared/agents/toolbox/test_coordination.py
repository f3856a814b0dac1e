"""The coordinator's tools, as its role's file names them and the playbook runs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.agents.case import Case, Conclusion
from shared.agents.playbook import conclude
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.coordination.history import History
from shared.errors import Invalid
from shared.store.database import Unit

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


def request(name: str = "r-1", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "task_id": f"t-{name}",
        "task_type": "order",
        "created_at": NOW.isoformat(),
        "expires_at": (NOW + timedelta(hours=8)).isoformat(),
        "urgency": "low",
        "triggers": ["high_value_transaction"],
        "role": "fraud_screener",
        "task_data": {},
        "estimated_impact": {"financial": {"amount": "6200.00", "currency": "EUR"}},
        **more,
    }


@pytest.fixture
def history(home: Path) -> History:
    assert home
    return History(Unit("orchestration"), "demo", lambda: NOW)


def case(history: History, asked: dict[str, Any], **data: Any) -> Case:
    coordinator = role("hitl_coordinator")
    return Case(
        role=coordinator.name,
        task_id=asked["task_id"],
        task_type=asked["task_type"],
        data={"request": asked, "pending": [asked], "currency": "EUR", "fx_rates": (), **data},
        settings={},
        history=history,
        now=history.now(),
        tools=tools_of(coordinator),
    )


def run(history: History, asked: dict[str, Any], **data: Any) -> Conclusion:
    return conclude(role("hitl_coordinator"), case(history, asked, **data))


def test_the_role_names_only_tools_that_exist() -> None:
    """And one that does not exist is named in the error."""
    coordinator = role("hitl_coordinator")
    assert set(tools_of(coordinator)) == set(coordinator.tools)
    with pytest.raises(Invalid, match="decide_alone"):
        tools_of(coordinator.model_copy(update={"tools": ("decide_alone",)}))
    with pytest.raises(Invalid, match="family"):
        tools_of(coordinator.model_copy(update={"family": "astrology"}))


def test_confidence_is_facts_found_times_supported_claims(history: History) -> None:
    """Three of six facts are given, and one number of the recommendation has no ground."""
    given = {"account_age_days": 10, "payment_method": "card", "related_orders": []}
    sure = run(history, request(task_data=given))
    assert sure.confidence == 0.5
    assert sure.output["missing"] == ["customer_history", "shipping_address", "billing_address"]
    doubted = run(history, request(task_data=given, ai_recommendation="Accept: 77 good orders."))
    assert doubted.output["unsupported"] == ["77 good"]
    assert 0 < doubted.confidence < 0.5


def test_every_fact_says_where_it_is_from(history: History) -> None:
    """The value, its source, and the moment at which it was true."""
    found = case(history, request(task_data={"account_age_days": 10, "email": "a@b.example"})).get("gather_context")
    assert [(fact["key"], fact["source"], fact["at"]) for fact in found["facts"]] == [
        ("customer_history", "lookup", NOW.isoformat()),
        ("related_orders", "lookup", NOW.isoformat()),
        ("account_age_days", "data", NOW.isoformat()),
    ]


def test_it_proposes_only_to_remind_and_to_ask_another(history: History) -> None:
    """Past half of its time, and asked of somebody who is not there any more; nothing of it waits for a human."""
    old = request(created_at=(NOW - timedelta(hours=9)).isoformat(), notes={"suggested_reviewer": {"user_id": "gone"}})
    conclusion = run(history, old, reviewers=[{"user_id": "ann"}])
    assert [(one.action, dict(one.detail)) for one in conclusion.proposals] == [
        ("remind", {"request_id": "r-1", "to": "ann"}),
        ("suggest_reassign", {"request_id": "r-1", "from": "gone", "to": "ann"}),
    ]
    assert {action.needs for action in role("hitl_coordinator").actions.values()} == {"safe"}
    assert run(history, request(), reviewers=[{"user_id": "ann"}]).proposals == ()


def test_a_reviewer_who_cannot_be_read_is_named(history: History) -> None:
    """The others are asked."""
    asked = run(history, request(), reviewers=[{"skills": []}, {"user_id": "ann"}]).output["suggested_reviewer"]
    assert (asked["user_id"], asked["problems"]) == ("ann", ["reviewers[0].user_id: is required"])


def test_a_request_beside_others(history: History) -> None:
    """Its place, group and minutes among all that wait, whether or not it is listed among them."""
    other = request("r-0", created_at=(NOW - timedelta(minutes=5)).isoformat(), task_data={"customer_id": "c-1"})
    asked = request(task_data={"customer_id": "c-1"})
    found = case(history, asked, pending=[other])
    assert found.get("order_queue")["of"] == 2
    assert found.get("group_alike")["ids"] == ("r-0", "r-1")
    assert found.get("review_minutes") == {"usual": 5.0, "by_reviewer": {}}
    assert found.get("delay_loss")["per_hour"] == "193.75"  # a quarter of 6200 over eight hours
    assert found.get("capacity")["warning"] == ""


def test_without_a_request_it_cannot_work(history: History) -> None:
    """The error names the request."""
    with pytest.raises(Invalid, match="request"):
        case(history, request(), request=None).get("gather_context")
