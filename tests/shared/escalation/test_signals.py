"""Signals that a task lacks are computed as the roles do it; what the data cannot tell stays undecided."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.escalation.classify import classify
from shared.escalation.policy import DEFAULT_POLICY, policy_from
from shared.escalation.verdict import Verdict
from shared.tools.fraud import Activity, History, Record, SignalCounts

POLAND, GERMANY = {"country": "PL"}, {"country": "DE"}
ORDER = {"amount": "480.00", "currency": "EUR"}
GIFT = {**ORDER, "billing_address": POLAND, "shipping_address": GERMANY}
#: The tenant of the proof in roles/orders.md, fraud_screener.
TENANT = History(
    tenant=Record(orders=2400, frauds=12),
    paid_before=True,
    signals={"shipping_country_differs": SignalCounts(fraud_hits=6, frauds=12, good_hits=120, goods=2388)},
)


@dataclass
class Before:
    """A past that is the same for every order; remembers what it was asked about."""

    history: History
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def order_history(self, order: Mapping[str, Any]) -> History:
        """The history."""
        self.asked.append(order)
        return self.history


def order(data: dict[str, Any], history: History | None = None, **found: Any) -> Verdict:
    return classify("order", data, DEFAULT_POLICY, Before(history) if history else None, found=found)


def ticket(message: str, **data: object) -> Verdict:
    return classify("support_ticket", {"message": message, **data}, DEFAULT_POLICY)


@pytest.mark.parametrize(
    ("message", "sentiment", "confidence"),
    [
        (
            "You are thieves and liars. I hate this terrible company, the product is broken garbage and your support "
            "is useless!!!",
            -0.9674,
            6 / 7,
        ),
        ("I am very angry. This is a disaster. I will never buy here again, you ruined my wedding!", -0.9019, None),
        ("Where is my order?", 0.0, 0.8),
    ],
)
def test_a_missing_sentiment_is_scored_and_its_origin_named(
    message: str, sentiment: float, confidence: float | None
) -> None:
    """Numbers of roles/support.md, sentiment_analyst."""
    verdict = ticket(message)
    computed = verdict.to_json()["computed"]["sentiment"]
    assert computed["value"] == sentiment
    assert confidence is None or computed["confidence"] == pytest.approx(confidence)
    assert computed["method"] == "score_text (VADER), language en"
    assert ("negative_customer_sentiment" in verdict.triggers) == (sentiment < -0.8)
    assert verdict.undecided == ()


def test_a_sentiment_that_is_given_is_not_computed() -> None:
    assert ticket("I hate this disaster, you are thieves and liars!", sentiment=0).computed == {}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Das ist eine Katastrophe, ich hasse euch und ihr seid Diebe!", "its language is de"),
        ("😡😡😡", "its language is unknown"),
        ("Hallo", "its language is unknown"),
        ("", "there is no message"),
        ("Great, it broke after one day. Just what I needed.", "do not agree (confidence 0.13)"),
    ],
)
def test_a_message_that_cannot_be_scored_is_undecided_and_never_neutral(message: str, why: str) -> None:
    """German and emoji have confidence 0, and the sarcastic one 0.125 (roles/support.md)."""
    (undecided,) = ticket(message).undecided
    assert (undecided.rule, undecided.field) == ("ticket_angry", "sentiment")
    assert why in undecided.why


def test_a_ticket_without_a_message_leaves_both_its_rules_undecided() -> None:
    verdict = classify("support_ticket", {}, DEFAULT_POLICY)
    assert [each.rule for each in verdict.undecided] == ["ticket_angry", "ticket_legal_words"]


def test_english_that_no_function_word_gives_away_still_counts_when_it_is_angry() -> None:
    assert ticket("Worst company ever! Disgusting, furious!").triggers == ("negative_customer_sentiment",)


def test_anger_is_the_authors_own_and_legal_words_count_in_the_quoted_part_too() -> None:
    """The nasty case of ticket_triager in roles/support.md: the rule on the raw message still fires."""
    message = "Thanks, this is solved and I am happy.\n\n> I hate you, thieves and liars! You get a lawsuit, disaster!"
    verdict = ticket(message)
    assert verdict.triggers == ("legal_review_required",)
    value = verdict.computed["sentiment"].value
    assert value is not None
    assert value > 0


def test_a_missing_fraud_score_is_the_prior_and_the_weighed_signals_each_named() -> None:
    """The proof of fraud_screener: country, four orders in 24 h at a rate of 0.2, and a wrong CVV make 0.9890."""
    history = TENANT._replace(activity=(Activity("card", "24h", 4, 0.2),))
    verdict = order({**GIFT, "payments": [{"active": True, "cvv": "N"}]}, history)
    assert verdict.triggers == ("fraud_risk_detected",)
    computed = verdict.to_json()["computed"]["fraud_score"]
    assert computed["value"] == pytest.approx(0.9890, abs=5e-5)
    assert computed["value"] == verdict.reasons[0].actual
    weights = {part["signal"]: round(part["weight"], 3) for part in computed["contributions"][1:]}
    assert weights == {"orders_by_card_24h": 5.011, "cvv_no_match": 2.996, "shipping_country_differs": 1.751}
    assert computed["contributions"][0]["value"] == 0.0052
    total = math.fsum(part["weight"] for part in computed["contributions"])
    assert 1 / (1 + math.exp(-total)) == pytest.approx(computed["value"])


def test_another_country_alone_does_not_stop_an_order() -> None:
    verdict = order(GIFT, TENANT)
    assert not verdict.escalated
    assert verdict.computed["fraud_score"].value == pytest.approx(0.0292, abs=5e-5)


def test_an_order_without_evidence_keeps_the_prior_and_stays_undecided() -> None:
    verdict = order(ORDER, TENANT)
    assert verdict.computed["fraud_score"].value == pytest.approx(0.0052)
    assert [(each.rule, each.why) for each in verdict.undecided] == [
        ("order_fraud", "no group of evidence has data: the score is the prior alone")
    ]


def test_a_prior_over_the_limit_escalates_without_evidence() -> None:
    policy = policy_from({"fraud_score": "0.005"})
    verdict = classify("order", ORDER, policy, Before(TENANT))
    assert verdict.triggers == ("fraud_risk_detected",)
    assert verdict.undecided == ()


@pytest.mark.parametrize(("paid_before", "new"), [(True, False), (False, True)])
def test_whether_a_customer_is_new_comes_from_the_history(paid_before: bool, new: bool) -> None:
    data = {**ORDER, "amount": "1000.01", "fraud_score": 0}
    verdict = order(data, History(paid_before=paid_before))
    assert verdict.to_json()["computed"] == {
        "customer_new": {
            "value": new, "method": "no settled or paid order before this one", "confidence": None, "contributions": [],
        }
    }  # fmt: skip
    assert verdict.triggers == (("new_customer_high_risk",) if new else ())


def test_without_a_history_it_is_undecided_whether_a_customer_is_new() -> None:
    verdict = order({**ORDER, "amount": "1000.01", "fraud_score": 0})
    assert [(each.rule, each.field) for each in verdict.undecided] == [("order_new_customer", "customer_new")]
    assert order({**ORDER, "amount": "1000.00", "fraud_score": 0}).undecided == ()


def test_an_order_that_brings_its_signals_asks_no_history() -> None:
    past = Before(TENANT)
    classify("order", {**ORDER, "fraud_score": 0, "customer_new": False}, DEFAULT_POLICY, past)
    assert past.asked == []
    classify("order", {**ORDER, "customer_new": False}, DEFAULT_POLICY, past, found={"email": "a@shop.example"})
    assert past.asked[0]["email"] == "a@shop.example"


def test_an_order_that_cannot_be_screened_is_undecided_and_not_refused() -> None:
    verdict = order({**ORDER, "customer_new": False, "shipping_address": "Main Street 1"})
    (undecided,) = verdict.undecided
    assert undecided.rule == "order_fraud"
    assert "shipping_address: must be an object" in undecided.why


def test_an_order_without_an_amount_cannot_be_told_anything_of() -> None:
    assert [each.rule for each in order({}, TENANT).undecided] == [
        "order_high_value", "order_fraud", "order_new_customer",
    ]  # fmt: skip


def test_the_role_that_knows_decides_what_was_undecided() -> None:
    data = {"message": "Das ist eine Katastrophe, ich hasse euch!"}
    verdict = classify("support_ticket", data, DEFAULT_POLICY, found={"sentiment": -0.9})
    assert verdict.triggers == ("negative_customer_sentiment",)
    assert verdict.undecided == ()


def test_a_task_that_brings_its_signals_imports_no_heavy_library() -> None:
    code = (
        "import sys; from shared.escalation.classify import classify; from shared.escalation.policy import *\n"
        "classify('order', {'amount': 1, 'fraud_score': 0, 'customer_new': True}, DEFAULT_POLICY)\n"
        "classify('support_ticket', {'message': 'hi', 'sentiment': 0}, DEFAULT_POLICY)\n"
        "heavy = {'vaderSentiment', 'stop_words', 'holidays', 'babel', 'pydantic', 'sqlalchemy', 'rapidfuzz',\n"
        "         'disposable_email_domains', 'mailparser_reply', 'snowballstemmer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
