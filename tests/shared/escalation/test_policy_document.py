"""Policies from documents: an operator's replaces the defaults, a tenant's only tightens them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.escalation.policy import DEFAULT_POLICY, operator_policy, policy_from, stored_policy
from shared.tools.money import money

WORDS = ["fraud", "lawsuit", "lawyer", "refund", "scam", "terrible"]


def refused(document: Any, **arguments: Any) -> dict[str, str]:
    """The problems of a document: field to rule."""
    with pytest.raises(Invalid) as caught:
        policy_from(document, **arguments)
    return {problem.field: problem.rule for problem in caught.value.problems}


def test_the_defaults_are_those_of_the_specification() -> None:
    assert policy_from(None) == policy_from({}) == DEFAULT_POLICY
    assert DEFAULT_POLICY.order_amount == money("5000.00", "EUR")
    assert DEFAULT_POLICY.new_customer_amount == money("1000.00", "EUR")
    assert DEFAULT_POLICY.cost_impact == money("10000.00", "EUR")
    assert (DEFAULT_POLICY.fraud_score, DEFAULT_POLICY.sentiment) == (Decimal("0.7"), Decimal("-0.8"))
    assert (DEFAULT_POLICY.approval_hours, DEFAULT_POLICY.exception_hours) == (24, 12)
    assert sorted(DEFAULT_POLICY.legal_words) == WORDS


TIGHTER: list[tuple[str, Any, Any]] = [
    ("order_amount", "4999.99", "5000.01"),
    ("new_customer_amount", 0, 1001),
    ("fraud_score", Decimal("0.69"), Decimal("0.71")),
    ("sentiment", Decimal("-0.79"), Decimal("-0.81")),
    ("cost_impact", "9999.99", "10000.01"),
    ("approval_hours", 23, 25),
    ("exception_hours", 1, 13),
    ("legal_words", [*WORDS, "Chargeback", "small claims"], WORDS[1:]),
]


@pytest.mark.parametrize(("key", "tighter", "looser"), TIGHTER)
def test_a_tenant_may_tighten_a_limit_and_not_loosen_it(key: str, tighter: Any, looser: Any) -> None:
    assert getattr(policy_from({key: tighter}), key) != getattr(DEFAULT_POLICY, key)
    (field, rule), *others = refused({key: looser}).items()
    assert field.startswith(f"policy.{key}")
    assert rule.endswith("a tenant may tighten it, not loosen it")
    assert not others


def test_a_tenant_may_raise_a_confidence_and_not_lower_it() -> None:
    base = policy_from({"min_confidence": "0.3", "role_confidence": {"fraud_screener": "0.6"}})
    raised = policy_from({"min_confidence": "0.4", "role_confidence": {"fraud_screener": "0.7", "other": 1}}, base)
    assert raised.min_confidence == Decimal("0.4")
    assert raised.role_confidence == (("fraud_screener", Decimal("0.7")), ("other", Decimal(1)))
    lower = {"min_confidence": "0.2", "role_confidence": {"fraud_screener": "0.5", "other": "0.1"}}
    assert set(refused(lower, base=base)) == {"policy.min_confidence", "policy.role_confidence.fraud_screener"}


def test_the_highest_floor_of_role_policy_and_tenant_counts() -> None:
    policy = policy_from({"min_confidence": "0.3", "role_confidence": {"fraud_screener": "0.6"}})
    assert policy.min_confidence_of("reply_drafter", 0.5) == 0.5
    assert policy.min_confidence_of("reply_drafter", 0.1) == 0.3
    assert policy.min_confidence_of("fraud_screener", 0.25) == 0.6
    assert DEFAULT_POLICY.min_confidence_of("fraud_screener", 0.25) == 0.25


def test_a_value_equal_to_the_limit_is_no_loosening() -> None:
    same = {"order_amount": "5000.00", "fraud_score": Decimal("0.70"), "sentiment": "-0.8", "legal_words": WORDS[::-1]}
    assert policy_from(same) == DEFAULT_POLICY


def test_vip_urgency_may_only_be_raised() -> None:
    base = policy_from({"vip_urgency": "medium"})
    assert policy_from({"vip_urgency": "high"}, base).vip_urgency == "high"
    assert refused({"vip_urgency": "low"}, base=base)["policy.vip_urgency"].startswith("must be at least medium")
    assert "policy.vip_urgency" in refused({"vip_urgency": ["high"]})


def test_every_problem_of_a_document_is_reported_together() -> None:
    problems = refused(
        {
            "currency": "euro",
            "fx_rates": [{"pair": "USDEUR", "rate": "1", "as_of": "2026-11-01"}],
            "order_amount": 4000.5,
            "new_customer_amount": "-1.00",
            "fraud_score": "low",
            "sentiment": 2,
            "min_confidence": True,
            "approval_hours": "12",
            "exception_hours": 0,
            "legal_words": [*WORDS, "§ 1"],
            "vip_urgency": "now",
            "role_confidence": ["fraud_screener"],
            "amount_limit": "1.00",
        }
    )
    assert set(problems) == {
        "policy.currency", "policy.fx_rates[0].pair", "policy.order_amount", "policy.new_customer_amount",
        "policy.fraud_score", "policy.sentiment", "policy.min_confidence", "policy.approval_hours",
        "policy.exception_hours", "policy.legal_words[6]", "policy.vip_urgency", "policy.role_confidence",
        "policy.amount_limit",
    }  # fmt: skip


@pytest.mark.parametrize("document", [[], "EUR", 5])
def test_a_document_is_an_object(document: Any) -> None:
    assert refused(document) == {"policy": "must be an object"}


def test_money_limits_count_in_the_tenants_currency_and_its_places() -> None:
    yen = policy_from({"currency": "JPY", "order_amount": 4000}, policy_from({"cost_impact": "9000.50"}))
    assert (yen.order_amount, yen.cost_impact) == (money(4000, "JPY"), money(9000, "JPY"))
    assert "policy.order_amount" in refused({"currency": "JPY", "order_amount": "4000.50"})


@pytest.mark.parametrize(("key", "looser"), [(key, looser) for key, _, looser in TIGHTER])
def test_what_an_accepted_document_loosens_later_is_held_at_the_operators_policy(key: str, looser: Any) -> None:
    document = {key: looser, "vip_urgency": "high"}
    held = stored_policy(document)
    assert getattr(held, key) == getattr(DEFAULT_POLICY, key)
    assert held.vip_urgency == "high"


def test_an_operator_may_loosen_a_default_and_tenants_start_from_it(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"order_amount": "9000.00", "fraud_score": 0.8, "legal_words": ["refund"]}')
    base = operator_policy({"BIZOSAAS_POLICY_FILE": str(file)})
    assert (base.order_amount, base.fraud_score) == (money("9000.00", "EUR"), Decimal("0.8"))
    assert base.legal_words == ("refund",)
    assert policy_from({"order_amount": "8000.00"}, base).order_amount == money("8000.00", "EUR")
    assert operator_policy({}) == DEFAULT_POLICY


@pytest.mark.parametrize("text", ["{", '{"order_amount": NaN}', "[]"])
def test_an_operators_file_that_cannot_be_used_names_itself(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.json"
    file.write_text(text)
    with pytest.raises(Invalid, match=str(file)):
        operator_policy({"BIZOSAAS_POLICY_FILE": str(file)})
    with pytest.raises(Invalid, match="BIZOSAAS_POLICY_FILE"):
        operator_policy({"BIZOSAAS_POLICY_FILE": str(tmp_path / "none.json")})


RATES = [{"pair": f"{base}/EUR", "rate": "0.9", "as_of": "2026-11-01"} for base in ("USD", "GBP")]
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "currency": st.sampled_from(["EUR", "USD"]),
        "order_amount": st.sampled_from(["5000.00", "5000", 5000, "4000.10"]),
        "fraud_score": st.sampled_from([Decimal("0.7"), Decimal("0.70"), "0.5", 0]),
        "sentiment": st.sampled_from(["-0.8", Decimal("-0.80"), 0]),
        "approval_hours": st.sampled_from([24, 23]),
        "legal_words": st.permutations([*WORDS, "police"]) | st.permutations(WORDS),
        "vip_urgency": st.sampled_from(["low", "high"]),
        "fx_rates": st.permutations(RATES),
        "role_confidence": st.sampled_from([{}, {"fraud_screener": "0.25"}, {"fraud_screener": "0.26"}]),
    },
)


@given(DOCUMENTS, DOCUMENTS)
def test_the_version_changes_when_and_only_when_the_content_does(one: dict[str, Any], other: dict[str, Any]) -> None:
    left, right = policy_from(one), policy_from(other)
    assert (left.version == right.version) == (left == right)
    assert len(left.version) == 16
