"""Agreement says whether the human kept what the role advised: to go on, or not to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from functions.hitl.decide import _agreement
from shared.coordination.approvals import Approval

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def request(outcome: str | None, recommendation: str = "so it is") -> Approval:
    action = {"do": "accept", "outcome": outcome} if outcome else {"do": "work"}
    return Approval(
        "r", "demo", "t", "order", "exception", "low", [], [], {}, recommendation, 0.5, {}, {}, action, "h", "p", 1,
        "fraud_screener", NOW, NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "decision", "agreed"),
    [
        ("accept", "approve", True),
        ("accept", "reject", False),
        ("decline", "approve", False),
        ("decline", "reject", True),
        ("review", "approve", False),
        ("accept", "modify", False),
        ("decline", "modify", False),
        (None, "approve", None),
    ],
)
def test_a_role_that_advises_against_is_agreed_with_by_a_rejection(
    outcome: str | None, decision: str, agreed: bool | None
) -> None:
    assert _agreement(request(outcome), decision) is agreed


def test_without_advice_there_is_no_agreement() -> None:
    assert _agreement(request("accept", recommendation=""), "approve") is None
