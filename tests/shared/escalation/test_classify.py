"""Judging whole tasks: urgency, impact, currencies, bad values, findings of roles, and laws that always hold."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.escalation.classify import classify
from shared.escalation.policy import DEFAULT_POLICY, Policy, policy_from
from shared.escalation.verdict import urgency

ORDER = {"amount": "10.00", "currency": "EUR", "fraud_score": Decimal("0.1"), "customer_new": False}


def refused(task_type: str, data: dict[str, Any], **arguments: Any) -> dict[str, str]:
    """The problems of a task: field to rule."""
    with pytest.raises(Invalid) as caught:
        classify(task_type, data, DEFAULT_POLICY, **arguments)
    return {problem.field: problem.rule for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        ((), "low"),
        (("high_value_transaction",), "low"),
        (("potential_policy_violation",), "low"),
        (("high_value_transaction", "new_customer_high_risk"), "medium"),
        (("high_value_transaction", "unusual_behavior_pattern", "potential_policy_violation"), "medium"),
        (("fraud_risk_detected",), "high"),
        (("legal_review_required",), "high"),
        (("negative_customer_sentiment",), "high"),
        (("brand_critical_content", "legal_review_required"), "high"),
    ],
)
def test_urgency_is_high_with_fraud_legal_or_anger_and_medium_with_two_triggers(
    triggers: tuple[str, ...], expected: str
) -> None:
    assert urgency(triggers) == expected


def test_a_high_value_order_of_a_new_customer_has_both_triggers() -> None:
    verdict = classify("order", {**ORDER, "amount": "6200.00", "customer_new": True}, DEFAULT_POLICY)
    assert verdict.triggers == ("high_value_transaction", "new_customer_high_risk")
    assert verdict.urgency == "medium"
    assert [(reason.actual, reason.limit) for reason in verdict.reasons] == [
        ("6200.00 EUR", "5000.00 EUR"),
        ("6200.00 EUR", "1000.00 EUR"),
    ]


@pytest.mark.parametrize(
    ("data", "impact"),
    [
        ({"amount": "12.5", "currency": "EUR"}, ({"amount": "12.50", "currency": "EUR"}, "normal", "normal")),
        ({"vip_customer": True}, (None, "high", "normal")),
        ({"is_brand_critical": True, "vip_customer": False}, (None, "normal", "high")),
        ({}, (None, "normal", "normal")),
    ],
)
def test_the_impact_is_the_amount_the_vip_and_the_brand(data: dict[str, Any], impact: tuple[Any, str, str]) -> None:
    shown = classify("lead", data, DEFAULT_POLICY).to_json()["impact"]
    assert (shown["financial"], shown["customer_satisfaction"], shown["brand_reputation"]) == impact


def test_the_money_at_stake_of_a_task_without_amount_is_its_cost_impact() -> None:
    verdict = classify(
        "inventory", {"cost_impact": "120.00", "currency": "PLN", "unusual_demand": True}, DEFAULT_POLICY
    )
    assert verdict.to_json()["impact"]["financial"] == {"amount": "120.00", "currency": "PLN"}


def test_a_tenant_may_have_the_work_of_vip_customers_more_urgent() -> None:
    policy = policy_from({"vip_urgency": "medium"})
    loud = {**ORDER, "amount": "5000.01", "vip_customer": True}
    assert classify("order", loud, DEFAULT_POLICY).urgency == "low"
    assert classify("order", loud, policy).urgency == "medium"
    assert classify("order", {**loud, "fraud_score": 1}, policy).urgency == "high"
    assert classify("order", {**ORDER, "vip_customer": True}, policy).urgency == "low"


# --- currencies ---


def test_an_amount_without_a_rate_escalates_and_says_so() -> None:
    verdict = classify("order", {**ORDER, "amount": "6200.00", "currency": "USD"}, DEFAULT_POLICY)
    assert [reason.to_json() for reason in verdict.reasons] == [
        {
            "rule": "order_high_value",
            "trigger": "high_value_transaction",
            "field": "amount",
            "actual": "6200.00 USD",
            "limit": "5000.00 EUR",
            "why": "no rate USD/EUR",
        }
    ]
    assert verdict.notes == ("no rate USD/EUR",)


def test_an_amount_without_a_rate_leaves_the_rule_for_new_customers_undecided() -> None:
    verdict = classify("order", {**ORDER, "currency": "USD", "customer_new": True}, DEFAULT_POLICY)
    assert verdict.triggers == ("high_value_transaction",)
    assert [(each.rule, each.why) for each in verdict.undecided] == [("order_new_customer", "no rate USD/EUR")]


RATE = {"pair": "USD/EUR", "rate": "0.9", "as_of": "2026-11-01"}


@pytest.mark.parametrize(("amount", "escalates"), [("5555.55", False), ("5555.56", True), ("6200.00", True)])
def test_an_amount_is_compared_as_the_tenants_rate_converts_it_unrounded(amount: str, escalates: bool) -> None:
    """At 0.9, 5555.55 USD are 4999.995 EUR and 5555.56 USD are 5000.004 EUR."""
    verdict = classify("order", {**ORDER, "amount": amount, "currency": "USD"}, policy_from({"fx_rates": [RATE]}))
    assert verdict.escalated == escalates
    assert verdict.to_json()["impact"]["financial"] == {"amount": amount, "currency": "USD"}


def test_a_converted_amount_stands_in_the_reason_as_it_was_given() -> None:
    verdict = classify("order", {**ORDER, "amount": 6200, "currency": "USD"}, policy_from({"fx_rates": [RATE]}))
    (reason,) = verdict.reasons
    assert (reason.actual, reason.limit) == ("6200.00 USD", "5000.00 EUR")
    assert reason.why == "6200.00 USD is 5580.00 EUR by the tenant's rates"


def test_an_amount_without_a_currency_is_the_tenants_and_the_verdict_says_so() -> None:
    data = {key: value for key, value in ORDER.items() if key != "currency"}
    verdict = classify("order", {**data, "amount": 5001}, policy_from({"currency": "USD"}))
    assert verdict.reasons[0].actual == "5001.00 USD"
    assert verdict.notes == ("no currency is given: amounts are read as USD",)


# --- bad values ---


def test_every_bad_value_is_reported_together_by_its_path() -> None:
    data = {"amount": "NaN", "currency": "euro", "fraud_score": Decimal("1.7"), "customer_new": "yes",
            "vip_customer": 1, "policy_violations": "one", "potential_policy_violation": "no"}  # fmt: skip
    assert set(refused("order", data, found={"policy_violations": [""]})) == {
        "data.amount", "data.currency", "data.fraud_score", "data.customer_new", "data.vip_customer",
        "data.policy_violations", "data.potential_policy_violation", "found.policy_violations",
    }  # fmt: skip


@pytest.mark.parametrize("amount", [10.5, True, "1e3", "", "-0.01", Decimal("NaN"), Decimal("Infinity"), 10**15, [1]])
def test_an_amount_that_is_no_exact_decimal_is_refused(amount: Any) -> None:
    assert set(refused("order", {**ORDER, "amount": amount})) == {"data.amount"}


def test_an_amount_finer_than_its_currency_is_refused_naming_both() -> None:
    problems = refused("order", {**ORDER, "amount": "1000.50", "currency": "JPY"})
    assert problems == {"data.amount": "has 2 decimal places and JPY has 0"}


@pytest.mark.parametrize("score", ["-0.01", "1.01", float("nan"), float("inf"), True, "high", []])
def test_a_fraud_score_outside_0_to_1_is_refused(score: Any) -> None:
    assert set(refused("order", {**ORDER, "fraud_score": score})) == {"data.fraud_score"}


def test_a_role_s_bad_finding_is_named_as_found() -> None:
    assert set(refused("order", ORDER, found={"fraud_score": 3, "amount": 1.5})) == {
        "found.fraud_score",
        "found.amount",
    }


def test_fields_that_no_rule_of_the_type_reads_travel_untouched() -> None:
    assert not classify("seo", {"message": 5, "fraud_score": "n/a"}, DEFAULT_POLICY).escalated


# --- what roles find ---


def test_what_a_role_found_counts_more_than_what_was_given() -> None:
    verdict = classify("order", ORDER, DEFAULT_POLICY, found={"fraud_score": 0.989, "customer_new": None})
    assert verdict.triggers == ("fraud_risk_detected",)
    assert verdict.reasons[0].actual == 0.989


def test_no_finding_takes_back_a_reported_violation() -> None:
    data = {"policy_violations": ["embargoed country"]}
    found: dict[str, Any] = {"policy_violations": [], "potential_policy_violation": False}
    assert classify("order", {**ORDER, **data}, DEFAULT_POLICY, found=found).reasons[0].actual == ["embargoed country"]
    found = {"policy_violations": ["card number in a note"]}
    both = classify("order", {**ORDER, **data}, DEFAULT_POLICY, found=found)
    assert both.reasons[0].actual == ["embargoed country", "card number in a note"]


def test_what_is_unknown_is_undecided_unless_the_rest_decides() -> None:
    content = classify("content", {"is_brand_critical": False}, DEFAULT_POLICY)
    assert [(each.field, each.why) for each in content.undecided] == [("legal_review_required", "not given")]
    order = {**ORDER, "amount": None}
    assert [each.rule for each in classify("order", order, DEFAULT_POLICY).undecided] == ["order_high_value"]
    order["customer_new"] = True
    assert [each.rule for each in classify("order", order, DEFAULT_POLICY).undecided] == [
        "order_high_value",
        "order_new_customer",
    ]


# --- laws ---

CENTS = st.decimals(0, 20000, places=2)
SHARES = st.decimals(0, 1, places=3)
ORDERS = st.fixed_dictionaries(
    {
        "amount": CENTS,
        "currency": st.sampled_from(["EUR", "USD"]),
        "fraud_score": SHARES,
        "customer_new": st.booleans(),
    },
    optional={"vip_customer": st.booleans(), "policy_violations": st.lists(st.just("x"), max_size=2)},
)
TICKETS = st.fixed_dictionaries(
    {
        "message": st.text(max_size=40)
        | st.lists(st.sampled_from(["refunds", "Scam", "police", "refundable"])).map(" ".join),
        "sentiment": st.decimals(-1, 1, places=3),
    }
)
INVENTORIES = st.fixed_dictionaries(
    {"unusual_demand": st.booleans(), "cost_impact": st.decimals(-99999, 99999, places=2)}
)
TASKS = (
    st.tuples(st.just("order"), ORDERS)
    | st.tuples(st.just("support_ticket"), TICKETS)
    | st.tuples(st.just("inventory"), INVENTORIES)
)
WORDS = list(DEFAULT_POLICY.legal_words)
TIGHTENINGS = st.fixed_dictionaries(
    {"fx_rates": st.sampled_from([[], [RATE]])},
    optional={
        "order_amount": st.decimals(0, 5000, places=2),
        "new_customer_amount": st.decimals(0, 1000, places=2),
        "fraud_score": st.decimals(0, Decimal("0.7"), places=3),
        "sentiment": st.decimals(Decimal("-0.8"), 1, places=3),
        "cost_impact": st.decimals(0, 10000, places=2),
        "legal_words": st.just([*WORDS, "police"]),
        "vip_urgency": st.sampled_from(["low", "medium", "high"]),
    },
)
Task = tuple[str, dict[str, Any]]


@given(TASKS, TIGHTENINGS)
def test_a_tighter_policy_never_removes_an_escalation(task: Task, document: dict[str, Any]) -> None:
    base = policy_from({"fx_rates": document["fx_rates"]})
    before, after = classify(*task, base), classify(*task, policy_from(document))
    assert set(before.triggers) <= set(after.triggers)
    assert {reason.rule for reason in before.reasons} <= {reason.rule for reason in after.reasons}


@given(TASKS, st.randoms())
def test_the_verdict_is_the_same_again_and_in_any_order_of_the_fields(task: Task, random: Any) -> None:
    task_type, data = task
    items = list(data.items())
    random.shuffle(items)
    assert classify(task_type, dict(items), DEFAULT_POLICY) == classify(task_type, data, DEFAULT_POLICY)


@given(TASKS, TIGHTENINGS)
def test_each_reason_shows_an_actual_beyond_its_limit(task: Task, document: dict[str, Any]) -> None:
    for reason in classify(*task, policy_from(document)).reasons:
        if reason.field in ("amount", "cost_impact"):
            (actual, currency), (limit, policy_currency) = reason.actual.split(), reason.limit.split()
            assert policy_currency == "EUR"
            rate = {"EUR": Decimal(1), "USD": Decimal("0.9")}[currency]
            assert Decimal(actual) * rate > Decimal(limit) or reason.why == "no rate USD/EUR"
        elif reason.field == "sentiment":
            assert reason.actual < reason.limit
        elif reason.field == "message":
            assert set(reason.limit) <= {*WORDS, "police"}
        else:
            assert reason.actual > reason.limit


def floats_in(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in floats_in(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for item in value for found in floats_in(item, path)]
    return [path] if isinstance(value, float) else []


@given(TASKS, TIGHTENINGS)
def test_a_verdict_is_json_and_no_amount_in_it_is_a_float(task: Task, document: dict[str, Any]) -> None:
    verdict = classify(*task, policy_from(document))
    shown = verdict.to_json()
    assert json.loads(json.dumps(shown)) == shown
    scores = [r for r in shown["reasons"] if r["field"] in ("fraud_score", "sentiment")]
    assert len(floats_in(shown)) == 2 * len(scores)


@given(TASKS, TASKS)
def test_the_policy_version_of_a_verdict_is_that_of_its_policy(task: Task, other: Task) -> None:
    policy: Policy = policy_from({"order_amount": "1.00"})
    assert classify(*task, policy).policy_version == classify(*other, policy).policy_version == policy.version


def test_a_computed_score_may_be_tiny() -> None:
    """What a role computed and JSON kept has more places than an amount may have."""
    data = {"amount": "10.00", "currency": "EUR", "customer_new": False}
    verdict = classify("order", data, DEFAULT_POLICY, found={"fraud_score": Decimal("0.0000491234567890123")})
    assert not verdict.escalated
