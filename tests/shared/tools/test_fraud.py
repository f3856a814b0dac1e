"""Fraud screening: the numbers of the role page, the bounds of a probability, and no accepting on silence."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import scipy.optimize
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.fraud import (
    GROUPS,
    Activity,
    FraudPolicy,
    History,
    Record,
    Signal,
    SignalCounts,
    amount_outlier,
    combine,
    expected_cost,
    prior,
    screen,
    tail_weight,
    velocity,
    weight,
)
from shared.tools.fraud_past import PastOrder, order_keys, summarise
from shared.tools.money import money
from shared.tools.saleor import order_from_saleor

NOW = dt.datetime(2026, 11, 15, 12, tzinfo=dt.UTC)
TENANT = Record(2400, 12)
ABROAD = {"shipping_country_differs": SignalCounts(6, 12, 120, 2388)}
AMOUNTS = tuple(Decimal(amount) for amount in (42, 47, 51, 55, 57, 58, 60, 63, 66, 70, 75))
HOME = {
    "name": "Ada Park",
    "street": "12 Pine St",
    "city": "Portland",
    "postal_code": "97204",
    "country": "US",
}


def order(**fields: Any) -> dict[str, Any]:
    return {"order_id": "o1", "amount": "480.00", "currency": "USD", **fields}


def signals(**weights: float) -> dict[str, list[Signal]]:
    return {group: [Signal(group, "s", True, weight_)] for group, weight_ in weights.items()}


def test_prior_of_the_role_page() -> None:
    """2400 orders with 12 frauds: 0.0052; of a customer with 40 settled orders: 0.0010."""
    assert prior(Record(), TENANT) == pytest.approx(0.0052)
    assert round(prior(Record(40, 0), TENANT), 4) == 0.0010
    assert prior(Record(), Record()) == pytest.approx(0.01)


def test_weight_of_the_role_page() -> None:
    """On 6 of 12 frauds and 120 of 2388 good orders: 2.294, shrunk to 1.751; a default is its grade."""
    own = math.log((6.5 / 13) / (120.5 / 2389))
    assert round(own, 3) == 2.294
    assert round(weight("shipping_country_differs", ABROAD["shipping_country_differs"]), 3) == 1.751
    assert round(weight("cvv_no_match"), 3) == 2.996
    assert weight("shipping_country_differs", SignalCounts(0, 0, 3, 50)) == pytest.approx(math.log(3))


def test_velocity_of_the_role_page() -> None:
    """Four orders in 24 h at a rate of 0.2: 5.68e-5, as scipy has it, and it weighs ln 150 at most."""
    p = velocity(4, 0.2)
    assert p == pytest.approx(5.68e-5, rel=1e-3)
    assert p == pytest.approx(float(scipy.stats.poisson.sf(3, 0.2)))
    assert round(tail_weight(p), 3) == 5.011


@given(st.floats(1e-4, 0.999))
def test_tail_weight_is_the_bound_over_all_alternatives(p: float) -> None:
    """The bound is the greatest Bayes factor over alternatives Beta(x, 1): scipy finds the same maximum."""
    best = scipy.optimize.minimize_scalar(
        lambda x: -(math.log(x) + (x - 1) * math.log(p)),
        bounds=(1e-9, 1),
        method="bounded",
        options={"xatol": 1e-12},
    )
    assert tail_weight(p) == pytest.approx(min(-best.fun, math.log(150)), abs=1e-6)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_smaller_p_never_weighs_less(one: float, other: float) -> None:
    """Monotone, and within 0..ln 150."""
    low, high = sorted((one, other))
    assert math.log(150) >= tail_weight(low) >= tail_weight(high) >= 0


def test_an_outlying_amount_of_the_role_page() -> None:
    """480 against 11 amounts of 42 to 75 with median 58 is far out; p is scipy's upper normal tail."""
    found = amount_outlier(480, AMOUNTS)
    assert found is not None
    logs = [math.log(amount) for amount in AMOUNTS]
    deviation = float(scipy.stats.median_abs_deviation(logs))
    assert found.m == pytest.approx(0.6745 * math.log(480 / 58) / deviation)
    assert round(found.m) == 11
    assert found.p == pytest.approx(float(scipy.stats.norm.sf(found.m)))


@pytest.mark.parametrize("history", [AMOUNTS[:9], [Decimal(50)] * 20, [], [Decimal(0)] * 20])
def test_too_little_to_compare_with_is_not_decided(history: list[Decimal]) -> None:
    """Under 10 amounts, or half of them equal: None."""
    assert amount_outlier(480, history) is None


def test_combined_scores_of_the_role_page() -> None:
    """Country 1.751, velocity 5.011 and CVV 2.996 on a prior of 0.0052: 0.9890; the country alone: 0.0292."""
    country = weight("shipping_country_differs", ABROAD["shipping_country_differs"])
    found = combine(
        0.0052,
        signals(location=country, velocity=tail_weight(velocity(4, 0.2)), payment=weight("cvv_no_match")),
    )
    assert round(sum(signal.weight for signal in found.contributions), 3) == pytest.approx(9.757, abs=0.001)
    assert round(found.fraud_score, 4) == 0.9890
    assert [signal.group for signal in found.contributions] == ["velocity", "payment", "location"]
    assert round(combine(0.0052, signals(location=country)).fraud_score, 4) == 0.0292


def test_only_the_strongest_signal_of_a_group_counts() -> None:
    """The largest in absolute value; on a tie the one for fraud; no weight is no contribution."""
    group = [Signal("payment", name, True, found) for name, found in (("a", 1.0), ("b", -3.0), ("c", 3.0), ("d", 0.0))]
    found = combine(0.5, {"payment": group, "identity": [Signal("identity", "e", False)]})
    assert [signal.signal for signal in found.contributions] == ["c"]
    assert found.fraud_score == pytest.approx(float(scipy.special.expit(3)))


WEIGHTS = st.dictionaries(st.sampled_from(GROUPS), st.floats(-6, 6), max_size=7)


@given(st.floats(1e-6, 1 - 1e-6), WEIGHTS, st.sampled_from(GROUPS), st.floats(0, 5))
def test_the_score_rises_with_each_weight_and_stays_a_probability(
    start: float, weights: dict[str, float], group: str, more: float
) -> None:
    """Within 0..1, equal to the prior without weights, and never lower with more evidence in a group."""
    less = combine(start, signals(**weights)).fraud_score
    weights[group] = weights.get(group, 0.0) + more
    assert 0 <= less <= combine(start, signals(**weights)).fraud_score + 1e-15 <= 1 + 1e-15
    assert combine(start, {}).fraud_score == pytest.approx(start)


def test_expected_cost_of_the_role_page() -> None:
    """Margin 120, goods 360, fee 20: break-even 0.24; half a chance of fraud costs 190."""
    cost = expected_cost(0.5, order(margin="120", chargeback_fee="20"))
    assert cost.break_even == pytest.approx(0.24)
    assert (cost.loss, cost.expected, cost.assumed) == (money("380", "USD"), money("190", "USD"), False)


@pytest.mark.parametrize(
    ("fields", "loss", "break_even"),
    [
        ({"margin": "120", "liability_shift": True}, "0", 1.0),
        ({"margin": "0", "chargeback_fee": "0"}, "480", 0.0),
        ({"margin": "-20", "chargeback_fee": "0"}, "500", 0.0),
        ({"margin": "480", "chargeback_fee": "0"}, "0", 1.0),
        ({"amount": "0", "chargeback_fee": "0"}, "0", 1.0),
    ],
)
def test_break_even_at_its_ends(fields: dict[str, Any], loss: str, break_even: float) -> None:
    """Nothing to lose accepts anything, nothing to gain accepts nothing."""
    cost = expected_cost(0.3, order(**fields))
    assert (cost.loss, cost.break_even) == (money(loss, "USD"), break_even)


def test_a_margin_that_is_not_given_is_the_policys_and_says_so() -> None:
    """25 % by default; an operator sets another."""
    assert expected_cost(0.1, order()).assumed
    assert expected_cost(0.1, order()).loss == money("380", "USD")
    half = FraudPolicy(margin_rate=Decimal("0.5"), chargeback_fee=Decimal(0))
    assert expected_cost(0.1, order(), half).break_even == 0.5


def test_silence_is_not_accepted() -> None:
    """An order without data for any group keeps the prior as its score, has confidence 0 and is reviewed."""
    found = screen(order(), History(tenant=TENANT))
    assert found.fraud_score == found.prior == pytest.approx(0.0052)
    assert (found.confidence, found.groups_with_data, found.contributions) == (0, (), ())
    assert found.recommendation == "review"


def test_a_gift_abroad_of_a_good_customer_is_accepted() -> None:
    """40 settled orders: prior 0.0010, and shipping to another country keeps the score under 0.01."""
    gift = order(billing_address=HOME, shipping_address={**HOME, "country": "FR"}, margin="120")
    found = screen(gift, History(tenant=TENANT, customer=Record(40, 0), paid_before=True, signals=ABROAD))
    assert round(found.prior, 4) == 0.0010
    assert 0.001 < found.fraud_score < 0.01
    assert [signal.signal for signal in found.contributions] == ["shipping_country_differs"]
    assert (found.recommendation, found.customer_new) == ("accept", False)


def test_the_case_of_the_role_page_from_end_to_end() -> None:
    """Shipping abroad, four orders a day and a wrong CVV together: 0.9890, declined."""
    case = order(
        billing_address=HOME,
        shipping_address={**HOME, "country": "FR"},
        authentication={"address": "street", "cvv": "no_match", "three_ds": None},
    )
    history = History(tenant=TENANT, signals=ABROAD, activity=(Activity("email", "24h", 4, 0.2),))
    found = screen(case, history)
    assert round(found.fraud_score, 4) == 0.9890
    assert found.recommendation == "decline"
    assert found.groups_with_data == ("payment", "identity", "location", "velocity")
    assert found.confidence == pytest.approx(4 / 7 * found.fraud_score)
    assert found.expected_loss == money("375.84", "USD")  # 0.98904687 x 380.00 = 375.8378


@pytest.mark.parametrize(
    ("fields", "signal"),
    [
        ({"authentication": {"cvv": "no_match"}}, "cvv_no_match"),
        ({"authentication": {"address": "none"}}, "avs_none"),
        ({"authentication": {"address": "full", "cvv": "match"}}, "cvv_match_full_avs"),
        ({"authentication": {"three_ds": "authenticated"}}, "three_ds_authenticated"),
        ({"payments": [{"active": True, "cvv": "N"}]}, "cvv_no_match"),
        ({"payments": [{"active": False, "cvv": "M"}, {"active": True, "avs": "N"}]}, "avs_none"),
        ({"email": "x@mailinator.com"}, "disposable_email"),
        ({"email": "X@sub.Mailinator.com"}, "disposable_email"),
        ({"billing_address": HOME, "shipping_address": {**HOME, "name": "Bo Zhuk"}}, "surnames_differ"),
        ({"billing_address": HOME, "card_country": "RO"}, "card_country_differs"),
        ({"billing_address": HOME, "ip_country": "RO"}, "ip_country_differs"),
        (
            {"billing_address": HOME, "shipping_address": {**HOME, "country": "RO"}},
            "shipping_country_differs",
        ),
    ],
)
def test_each_signal_is_found_with_its_default_weight(fields: dict[str, Any], signal: str) -> None:
    """Each signal alone moves the score by its grade."""
    (found,) = screen(order(**fields)).contributions
    assert (found.signal, found.value) == (signal, True)
    assert found.weight == weight(signal)


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "ada@example.com"},
        {"email": "ada@notmailinator.community"},
        {"email": "no address"},
        {"billing_address": HOME, "shipping_address": HOME},
        {"billing_address": HOME, "card_country": "us", "ip_country": "US"},
        {
            "billing_address": {**HOME, "name": "Jürgen Müller"},
            "shipping_address": {**HOME, "name": "J. MULLER"},
        },
        {"billing_address": {**HOME, "name": "田中"}, "shipping_address": {**HOME, "name": "Yuki Tanaka"}},
        {"card_country": "RO", "ip_country": "US"},
        {"authentication": {"address": "not_checked", "cvv": "unknown", "three_ds": "open"}},
        {"authentication": {"three_ds": "attempted"}},
    ],
)
def test_what_is_in_order_or_not_known_moves_nothing(fields: dict[str, Any]) -> None:
    """No data is no evidence, and a harmless value is none either."""
    found = screen(order(**fields))
    assert found.contributions == ()
    assert found.fraud_score == pytest.approx(0.01)


def test_amount_and_basket_are_compared_with_history() -> None:
    """480 against 42 to 75 and 400 pieces against 1 to 11 weigh fully; the groups are named."""
    quantities = tuple(range(1, 12))
    history = History(amounts=AMOUNTS, quantities=quantities, links=(Activity("card", "30d", 5, 1.1),))
    found = screen(order(lines=[{"quantity": 1}, {"quantity": 400}]), history)
    assert {signal.signal for signal in found.contributions} == {
        "amount_outlier",
        "basket_outlier",
        "emails_by_card_30d",
    }
    assert found.groups_with_data == ("linkage", "amount", "basket")


@pytest.mark.parametrize(
    ("given", "paid_before", "settled", "new"),
    [
        (True, True, 5, True),
        (False, None, 0, False),
        (None, None, 0, None),
        (None, False, 0, True),
        (None, True, 0, False),
        (None, False, 2, False),
    ],
)
def test_a_new_customer(given: bool | None, paid_before: bool | None, settled: int, new: bool | None) -> None:
    """As given, else no settled or paid order before; unknown without a history."""
    history = History(customer=Record(settled, 0), paid_before=paid_before)
    assert screen(order(customer_new=given), history).customer_new is new


def test_every_shared_order_is_screened(saleor_bodies: list[Any]) -> None:
    """150 orders without history: a probability each, disposable addresses weighed, none without reason."""
    for body in saleor_bodies:
        read = order_from_saleor(body)
        found = screen(read)
        assert 0 < found.fraud_score < 1
        assert (found.fraud_score > 0.01) == bool(found.contributions)
        throwaway = str(read["email"]).endswith("@mailinator.com")
        assert throwaway == any(signal.signal == "disposable_email" for signal in found.contributions)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
READ = ("email", "customer_new", "lines", "shipping_address", "billing_address", "ip_country", "card_country")
READ_TOO = ("payments", "authentication", "margin", "chargeback_fee", "liability_shift", "amount", "currency")


@given(st.dictionaries(st.sampled_from(READ + READ_TOO), JSON))
def test_any_data_is_screened_or_refused_by_its_field(fields: dict[str, Any]) -> None:
    """Whatever JSON stands in the fields: a probability, or Invalid naming a field."""
    try:
        found = screen(order(**fields))
    except Invalid:
        return
    assert 0 < found.fraud_score < 1


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: weight("astrology"), "signal"),
        (lambda: weight("avs_none", SignalCounts(2, 1, 0, 0)), "counts"),
        (lambda: tail_weight(1.5), "p"),
        (lambda: tail_weight(math.nan), "p"),
        (lambda: velocity(-1, 0.2), "n"),
        (lambda: combine(1.0, {}), "p"),
        (lambda: screen(order(margin="481")), "margin"),
        (lambda: screen(order(margin=120.0)), "margin"),
        (lambda: screen(order(email=5)), "email"),
        (lambda: screen(order(billing_address="US")), "billing_address"),
        (lambda: screen(order(billing_address={"country": 1})), "billing_address.country"),
        (lambda: screen(order(lines=[{"quantity": "2"}])), "lines[0].quantity"),
        (lambda: screen(order(liability_shift="yes")), "liability_shift"),
        (lambda: screen({}), "currency"),
        (lambda: screen([]), "body"),
    ],
)
def test_a_wrong_argument_is_named(call: Any, field: str) -> None:
    """Wrong types and ranges are Invalid by their name."""
    with pytest.raises(Invalid) as caught:
        call()
    assert caught.value.problems[0].field == field


def past(days: float, **fields: Any) -> PastOrder:
    """An order so many days before NOW, for 50 USD."""
    when = NOW - dt.timedelta(days=days)
    return PastOrder(**{"order_id": f"p{days}", "placed_at": when, "amount": Decimal(50), "currency": "USD", **fields})


def test_history_counts_settled_orders_and_labels() -> None:
    """Settled after 120 days or when known to be a fraud; signals are counted on both sides."""
    orders = [
        past(200, customer_id="c1", signals=frozenset({"avs_none"})),
        past(150),
        past(130, fraud=True, signals=frozenset({"avs_none", "cvv_no_match"})),
        past(10, fraud=True),
        past(119),
        past(-1, fraud=True),  # after this order
    ]
    history = summarise(order(customer_id="c1"), orders, NOW)
    assert (history.tenant, history.customer) == (Record(4, 2), Record(1, 0))
    assert history.signals == {"avs_none": SignalCounts(1, 2, 1, 2), "cvv_no_match": SignalCounts(1, 2, 0, 2)}
    assert history.paid_before is False


def test_history_counts_the_other_orders_in_each_window() -> None:
    """Three earlier orders of an e-mail today: three in 24 h, none in the hour. This one proves nothing."""
    orders = [past(days, email="ada@example.com") for days in (0.1, 0.5, 0.9)]
    history = summarise(order(email="Ada@example.com"), orders, NOW)
    assert [(seen.window, seen.seen) for seen in history.activity] == [("1h", 0), ("24h", 3), ("30d", 3)]
    # The tenant's mean: 3 orders of one active e-mail in 30 days.
    assert [seen.rate for seen in history.activity] == pytest.approx([3 / 720, 0.1, 3])


def test_history_takes_the_own_rate_from_five_orders_on() -> None:
    """Ten orders over 100 days: 0.1 a day, whatever the others do."""
    own = [past(days, email="ada@example.com") for days in range(10, 110, 10)]
    others = [past(1, email=f"{number}@example.com", order_id=str(number)) for number in range(50)]
    history = summarise(order(email="ada@example.com"), own + others, NOW)
    assert {seen.window: seen.rate for seen in history.activity}["24h"] == pytest.approx(0.1)


def test_history_links_addresses_on_a_card() -> None:
    """Three e-mails on one card in 30 days, with this order's; the tenant's cards hold 1.5 on average."""
    orders = [
        past(1, card="k1", email="a@example.com"),
        past(2, card="k1", email="b@example.com"),
        past(3, card="k2", email="c@example.com"),
        past(40, card="k1", email="d@example.com"),
    ]
    history = summarise(order(card_fingerprint="k1", email="e@example.com"), orders, NOW)
    assert history.links == (Activity("card", "30d", 3, 1.5),)


def test_history_compares_amounts_of_the_same_currency() -> None:
    """The customer's own from ten on, else the tenant's; never another currency's."""
    own = [past(days, customer_id="c1", amount=Decimal(60)) for days in range(1, 11)]
    others = [past(days, order_id=f"x{days}", amount=Decimal(70)) for days in range(1, 4)]
    foreign = [past(5, order_id="f", amount=Decimal(9000), currency="JPY")]
    everything = own + others + foreign
    assert set(summarise(order(customer_id="c1"), everything, NOW).amounts) == {60}
    assert set(summarise(order(customer_id="c2"), everything, NOW).amounts) == {60, 70}


def test_the_order_itself_is_not_its_own_history() -> None:
    """Stored already, it is left out."""
    orders = [past(0, order_id="o1", email="ada@example.com", paid=True)]
    history = summarise(order(email="ada@example.com"), orders, NOW)
    assert history.paid_before is False
    assert all(seen.seen == 0 and seen.rate is None for seen in history.activity)


def test_keys_of_an_order() -> None:
    """E-mail in small letters, card, device and the address, when it is whole."""
    keys = order_keys(order(email="Ada@Example.com", card_fingerprint="k", device_id="d", shipping_address=HOME))
    assert keys == {"email": "ada@example.com", "card": "k", "device": "d", "address": "12 pine st|97204|us"}
    assert order_keys(order(shipping_address={**HOME, "street": None})) == {}


def test_importing_the_screen_loads_nothing_heavy() -> None:
    """The classifier wakes with it: no list, no library beyond the standard one."""
    heavy = ("disposable_email_domains", "rapidfuzz", "babel", "holidays", "pydantic", "numpy", "statistics")
    code = f"import sys, shared.tools.fraud; print([name for name in {heavy} if name in sys.modules])"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
