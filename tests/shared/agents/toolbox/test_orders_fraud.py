"""The fraud_screener: the score, why, and what accepting costs. Numbers are those of the role page's proof."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal
from typing import Any

import pytest

from shared.agents.roles import role
from shared.errors import Invalid
from shared.tools.fraud import Activity, History, Record, SignalCounts
from tests.shared.agents.toolbox.order_shop import ADDRESS, FakePast, case_of, order, payment, shop, work

ROLE = "fraud_screener"
TENANT = Record(2400, 12)
ABROAD = {"shipping_country_differs": SignalCounts(6, 12, 120, 2388)}
FOUR_A_DAY = (Activity("email", "24h", 4, 0.2),)
IN_PARIS = {**ADDRESS, "country": "FR", "city": "Paris", "postal_code": "75002"}
UNPROVEN = payment(avs=None, cvv=None, eci=None, trans_status=None)


def past(**changed: Any) -> FakePast:
    return FakePast(History(**{"tenant": TENANT, "signals": ABROAD, **changed}))


def test_the_prior_is_that_of_2400_orders_with_12_frauds() -> None:
    assert case_of(ROLE, order(), history=past()).get("prior")["prior"] == pytest.approx(0.0052)


def test_three_signals_together_refuse_the_order() -> None:
    """1.751 for the country, 5.011 for four orders in a day at 0.2, 2.996 for the code: 9.757, score 0.9890."""
    data = order(shipping_address=IN_PARIS, payments=[{**UNPROVEN, "cvv": "N"}])
    done = work(ROLE, data, history=past(activity=FOUR_A_DAY))
    weights = {one["signal"]: one["weight"] for one in done.output["contributions"]}
    assert weights == {
        "orders_by_email_24h": pytest.approx(math.log(150)),
        "cvv_no_match": pytest.approx(math.log(20)),
        "shipping_country_differs": pytest.approx(1.751, abs=5e-4),
    }
    assert done.output["fraud_score"] == pytest.approx(0.9890, abs=5e-5)
    assert (done.outcome, done.signals["fraud_score"]) == ("decline", done.output["fraud_score"])
    assert done.escalations == ()  # the tenant's rule on fraud_score stops it, once


def test_the_country_alone_leaves_little() -> None:
    done = work(ROLE, order(shipping_address=IN_PARIS, payments=[UNPROVEN]), history=past())
    assert done.output["fraud_score"] == pytest.approx(0.0292, abs=5e-5)
    assert done.outcome == "accept"


def test_break_even_weighs_the_margin_against_goods_and_fee() -> None:
    """Margin 120, goods 360, fee 20: 0.24. The fee is the tenant's setting."""
    case = case_of(ROLE, order(amount="480.00", margin="120.00", payments=[]))
    cost = case.get("expected_cost")
    assert (cost["break_even"], cost["loss"]["amount"]) == (pytest.approx(0.24), "380.00")


def test_the_margin_comes_from_what_the_products_cost() -> None:
    """Two head torches at 37.731 net less 15.80 each are 43.86, and 0.20 of shipping is 0.17 without 19 % tax."""
    done = work(ROLE, order(payments=[]))
    assert done.output["margin_assumed"] is False
    loss = Decimal("90.00") - Decimal("44.03") + Decimal("20.00")
    assert done.output["break_even"] == pytest.approx(44.03 / (44.03 + float(loss)))


def test_an_unknown_product_leaves_the_margin_to_the_policy() -> None:
    line = {**order()["lines"][0], "sku": "UNKNOWN"}
    assert work(ROLE, order(lines=[line])).output["margin_assumed"] is True


def test_the_fee_is_counted_in_the_orders_currency() -> None:
    """20.00 EUR at 0.92 EUR a dollar are 21.74 USD; without a rate the house's fee stands in."""
    case = case_of(ROLE, order(currency="USD", amount="480.00", margin="120.00", payments=[]))
    assert case.get("expected_cost")["loss"] == {"amount": "381.74", "currency": "USD"}
    other = case_of(ROLE, order(currency="CHF", amount="480.00", margin="120.00", payments=[]))
    assert other.get("expected_cost")["loss"] == {"amount": "380.00", "currency": "CHF"}


def test_480_stands_out_of_eleven_amounts_of_42_to_75() -> None:
    """0.6745 (ln 480 - median) / MAD (Iglewicz and Hoaglin 1993), about 11."""
    amounts = tuple(map(Decimal, (42, 47, 51, 55, 57, 58, 60, 63, 66, 70, 75)))
    logs = [math.log(amount) for amount in amounts]
    spread = statistics.median(abs(one - statistics.median(logs)) for one in logs)
    case = case_of(ROLE, order(amount="480.00", payments=[]), history=past(amounts=amounts))
    assert case.get("amount_outlier")["amount"]["m"] == pytest.approx(0.6745 * math.log(480 / 58) / spread)
    assert case.get("amount_outlier")["quantity"] is None


def test_counts_are_told_with_what_is_usual_and_their_probability() -> None:
    """Four orders in a day at a rate of 0.2: P(X >= 4) = 5.68e-5."""
    case = case_of(ROLE, order(), history=past(activity=FOUR_A_DAY))
    assert case.get("velocity")[0]["p"] == pytest.approx(5.68e-5, abs=5e-8)
    assert case.get("tail_weight")[0]["weight"] == pytest.approx(math.log(150))


def test_a_gift_abroad_by_a_good_customer_stays_under_one_percent() -> None:
    """40 settled orders: the prior falls to 0.0010."""
    good = past(customer=Record(40, 0), paid_before=True)
    done = work(ROLE, order(shipping_address=IN_PARIS, payments=[UNPROVEN]), history=good)
    assert done.output["prior"] == pytest.approx(0.0010, abs=5e-5)
    assert done.output["fraud_score"] < 0.01
    assert (done.outcome, done.signals["customer_new"]) == ("accept", False)


def test_an_order_without_data_for_any_group_is_not_accepted_on_silence() -> None:
    done = work(ROLE, {"order_id": "A-1", "amount": "90.00", "currency": "EUR"}, history=None)
    assert (done.outcome, done.confidence) == ("review", 0.0)
    assert done.output["fraud_score"] == done.output["prior"] == pytest.approx(0.01)
    assert [reason.trigger for reason in done.escalations] == ["unusual_behavior_pattern"]
    assert "customer_new" not in done.signals


def test_a_score_above_break_even_is_reviewed_by_a_human() -> None:
    """A code that does not match lifts 0.0052 to 0.095; a margin of 2.00 does not carry that."""
    done = work(ROLE, order(margin="2.00", payments=[{**UNPROVEN, "cvv": "N"}]), history=past())
    assert done.outcome == "review"
    (reason,) = done.escalations
    assert (reason.actual, reason.limit) == (pytest.approx(0.0947, abs=5e-4), pytest.approx(0.0182, abs=5e-4))


def test_a_tenants_tighter_limit_declines_earlier() -> None:
    settings = shop() | {"policy": {"fraud_score": "0.05"}}
    data = order(payments=[{**UNPROVEN, "cvv": "N"}])
    assert work(ROLE, data, history=past(), settings=settings).outcome == "decline"


def test_what_the_payment_validator_proved_counts_and_not_what_the_task_says() -> None:
    """The issuer bears the loss only where the payment_validator found so."""
    checked = {"authentication": {"address": None, "cvv": "no_match", "three_ds": None}, "liability_shift": False}
    claimed = order(authentication={"cvv": "match", "address": "full"}, liability_shift=True)
    done = work(ROLE, claimed, results={"payment_validator": checked})
    assert [one["signal"] for one in done.output["contributions"]] == ["cvv_no_match"]
    assert Decimal(done.output["expected_loss"]) > 0


def test_floors_let_the_first_orders_of_a_shop_pass_and_no_silence() -> None:
    """Three groups of seven pass, and so do two; one and none do not."""
    floor = role(ROLE).min_confidence
    three = work(ROLE, order(), history=None)
    two = work(ROLE, order(payments=[UNPROVEN]), history=None)
    one = work(ROLE, order(payments=[UNPROVEN], billing_address=None, shipping_address=None), history=None)
    assert [len(done.output["groups_with_data"]) for done in (three, two, one)] == [3, 2, 1]
    assert three.confidence > two.confidence > floor > one.confidence


def test_a_fee_that_is_no_amount_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        work(ROLE, order(), settings=shop() | {"chargeback_fee": "-1.00"})
    assert refused.value.problems[0].field == "settings.chargeback_fee"
