"""The ten rules of SYSTEM.md, section 6: each on both sides of its limit, through the whole judgement."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.escalation.classify import classify
from shared.escalation.policy import DEFAULT_POLICY, Policy
from shared.escalation.rules import RULES

QUIET_ORDER = {"amount": "10.00", "currency": "EUR", "fraud_score": Decimal("0.1"), "customer_new": False}
QUIET_TICKET = {"message": "Where is my order?", "sentiment": 0}
QUIET_CONTENT = {"is_brand_critical": False, "legal_review_required": False}
QUIET_INVENTORY = {"unusual_demand": False, "cost_impact": "10.00", "currency": "EUR"}
QUIET: dict[str, dict[str, Any]] = {
    "order": QUIET_ORDER,
    "support_ticket": QUIET_TICKET,
    "content": QUIET_CONTENT,
    "inventory": QUIET_INVENTORY,
    "seo": {},
}

# rule, task type, what fires it (with its actual and limit as the reason shows them), what just does not
TABLE: list[tuple[str, str, str, dict[str, Any], str, Any, Any, dict[str, Any]]] = [
    ("order_high_value", "order", "high_value_transaction", {"amount": "5000.01"},
     "amount", "5000.01 EUR", "5000.00 EUR", {"amount": "5000.00"}),
    ("order_fraud", "order", "fraud_risk_detected", {"fraud_score": Decimal("0.701")},
     "fraud_score", 0.701, 0.7, {"fraud_score": Decimal("0.7")}),
    ("order_new_customer", "order", "new_customer_high_risk", {"amount": "1000.01", "customer_new": True},
     "amount", "1000.01 EUR", "1000.00 EUR", {"amount": "1000.00", "customer_new": True}),
    ("order_new_customer", "order", "new_customer_high_risk", {"amount": 4999, "customer_new": True},
     "amount", "4999.00 EUR", "1000.00 EUR", {"amount": 4999, "customer_new": False}),
    ("ticket_angry", "support_ticket", "negative_customer_sentiment", {"sentiment": Decimal("-0.801")},
     "sentiment", -0.801, -0.8, {"sentiment": Decimal("-0.8")}),
    ("ticket_legal_words", "support_ticket", "legal_review_required", {"message": "REFUNDS or a lawsuit; refunds!"},
     "message", ["REFUNDS", "lawsuit", "refunds"], ["refund", "lawsuit"], {"message": "Is the fare refundable?"}),
    ("content_brand", "content", "brand_critical_content", {"is_brand_critical": True},
     "is_brand_critical", True, False, {"is_brand_critical": False}),
    ("content_legal", "content", "legal_review_required", {"legal_review_required": True},
     "legal_review_required", True, False, {"legal_review_required": False}),
    ("inventory_demand", "inventory", "unusual_behavior_pattern", {"unusual_demand": True},
     "unusual_demand", True, False, {"unusual_demand": False}),
    ("inventory_cost", "inventory", "high_value_transaction", {"cost_impact": "10000.01"},
     "cost_impact", "10000.01 EUR", "10000.00 EUR", {"cost_impact": "10000.00"}),
    ("any_policy", "seo", "potential_policy_violation", {"policy_violations": ["position limit of 5 % broken"]},
     "policy_violations", ["position limit of 5 % broken"], [], {"policy_violations": []}),
    ("any_policy", "order", "potential_policy_violation", {"potential_policy_violation": True},
     "potential_policy_violation", True, False, {"potential_policy_violation": False}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "task_type", "trigger", "over", "field", "actual", "limit", "within"), TABLE)
def test_a_rule_fires_beyond_its_limit_and_not_at_it(
    rule: str,
    task_type: str,
    trigger: str,
    over: dict[str, Any],
    field: str,
    actual: Any,
    limit: Any,
    within: dict[str, Any],
) -> None:
    verdict = classify(task_type, {**QUIET[task_type], **over}, DEFAULT_POLICY)
    assert [reason.to_json() for reason in verdict.reasons] == [
        {"rule": rule, "trigger": trigger, "field": field, "actual": actual, "limit": limit, "why": ""}
    ]
    assert verdict.escalated
    assert verdict.triggers == (trigger,)
    passing = classify(task_type, {**QUIET[task_type], **within}, DEFAULT_POLICY)
    assert not passing.escalated
    assert [*passing.reasons, *passing.triggers, *passing.undecided] == []


def test_the_table_holds_the_ten_rules_and_each_is_tried() -> None:
    assert [rule.name for rule in RULES] == list(dict.fromkeys(row[0] for row in TABLE))
    assert len(RULES) == 10


def test_each_limit_of_the_table_is_one_of_the_policy() -> None:
    assert {rule.limit for rule in RULES if rule.limit} <= set(Policy.__dataclass_fields__)


@pytest.mark.parametrize("word", ["refund", "lawyer", "lawsuit", "fraud", "scam", "terrible"])
@pytest.mark.parametrize("form", [str.lower, str.upper, str.title])
def test_each_legal_word_of_the_table_stops_a_ticket_in_any_case(word: str, form: Any) -> None:
    verdict = classify("support_ticket", {"message": f"So: {form(word)}.", "sentiment": 0}, DEFAULT_POLICY)
    assert verdict.reasons[0].actual == [form(word)]


def test_a_rule_reads_only_tasks_of_its_own_type() -> None:
    loud = {"amount": "9999999.00", "fraud_score": 1, "customer_new": True, "message": "fraud", "sentiment": -1,
            "is_brand_critical": True, "legal_review_required": True, "unusual_demand": True,
            "cost_impact": "99999.00"}  # fmt: skip
    assert not classify("lead", loud, DEFAULT_POLICY).escalated
    assert classify("order", loud, DEFAULT_POLICY).triggers == (
        "high_value_transaction", "fraud_risk_detected", "new_customer_high_risk",
    )  # fmt: skip
