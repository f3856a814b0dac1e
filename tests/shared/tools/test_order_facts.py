from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from shared.errors import Invalid
from shared.tools.claims import Claim, Claims
from shared.tools.money import Money
from shared.tools.order_facts import Fact, message_confidence, missing_facts, order_facts

ORDER = {
    "order_id": "1042",
    "currency": "EUR",
    "amount": "90.000",
    "lines": [{"quantity": 2}, {"quantity": 3}],
}


def by_key(facts: tuple[Fact, ...]) -> dict[str, Fact]:
    assert len({fact["key"] for fact in facts}) == len(facts)
    return {fact["key"]: fact for fact in facts}


def test_each_fact_says_where_it_comes_from() -> None:
    found = by_key(order_facts(ORDER, {}, {"sender": "Shop", "support_link": ""}))
    assert found == {
        "order_id": {"key": "order_id", "value": "1042", "source": "order.order_id"},
        "shop": {"key": "shop", "value": "Shop", "source": "tenant.sender"},
        "total": {"key": "total", "value": Money(Decimal("90.00"), "EUR"), "source": "order.amount"},
        "item_count": {"key": "item_count", "value": 5, "source": "order.lines"},
    }


def test_the_days_of_several_shipments_are_the_first_and_the_last() -> None:
    plan = {
        "shipments": [
            {"earliest": "2026-12-02", "latest": "2026-12-04"},
            {"earliest": "2026-12-01", "latest": "2026-12-03"},
        ],
        "short": [{"units": 2}, {"units": 1}],
        "late": False,
    }
    found = by_key(order_facts(ORDER, {"fulfilment_planner": plan}))
    assert found["earliest"]["value"] == dt.date(2026, 12, 1)
    assert found["latest"]["value"] == dt.date(2026, 12, 4)
    assert found["short_count"]["value"] == 3
    assert "new_date" not in found
    late = by_key(order_facts(ORDER, {"fulfilment_planner": {**plan, "late": True}}))
    assert late["new_date"]["value"] == dt.date(2026, 12, 4)


def test_what_the_carrier_says_goes_before_the_plan() -> None:
    plan = {"shipments": [{"earliest": "2026-12-01", "latest": "2026-12-03"}]}
    results: dict[str, dict[str, object]] = {
        "fulfilment_planner": {**plan},
        "shipment": {"latest": dt.date(2026, 12, 7), "carrier": " DHL "},
    }
    found = by_key(order_facts(ORDER, results))
    assert (found["latest"]["value"], found["latest"]["source"]) == (dt.date(2026, 12, 7), "shipment.latest")
    assert found["earliest"]["value"] == dt.date(2026, 12, 1)
    assert found["carrier"]["value"] == "DHL"


@pytest.mark.parametrize(
    "refund",
    [
        {"amount": "9.5", "currency": "PLN"},
        {"amount": {"amount": "9.50", "currency": "PLN"}},
        {"amount": Money(Decimal("9.5"), "PLN")},
    ],
)
def test_an_amount_is_in_the_currency_beside_it(refund: dict[str, object]) -> None:
    value = by_key(order_facts(ORDER, {"refund": refund}))["refund"]["value"]
    assert isinstance(value, Money)
    assert value.rounded() == Money(Decimal("9.50"), "PLN")


@pytest.mark.parametrize(
    ("order", "results", "field"),
    [
        ({**ORDER, "amount": 90.0}, {}, "order.amount"),
        ({"order_id": "1", "amount": "90"}, {}, "order.amount"),
        ({**ORDER, "promised_by": "soon"}, {}, "order.promised_by"),
        (ORDER, {"shipment": {"units": "two"}}, "shipment.units"),
        (ORDER, {"delay_rights": {"must_offer_cancel": "yes"}}, "delay_rights.must_offer_cancel"),
        (ORDER, {"fulfilment_planner": {"short": [{}]}}, "fulfilment_planner.short[0].units"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_its_path(
    order: dict[str, object], results: dict[str, dict[str, object]], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        order_facts(order, results)
    assert refused.value.problems[0].field == field


def test_what_a_kind_requires_may_have_alternatives() -> None:
    facts = order_facts(ORDER, {"delay": {"new_date": "2026-12-09"}})
    assert missing_facts("confirmation", facts) == ()
    assert missing_facts("delayed", facts) == ()
    assert missing_facts("delayed", order_facts(ORDER, {})) == ("new_date or short_count",)
    with pytest.raises(Invalid):
        missing_facts("lost", facts)


def test_confidence_is_the_share_of_known_facts_times_that_of_supported_claims() -> None:
    claims = tuple(Claim("number", str(at), at, None if at == 0 else "total") for at in range(4))
    three_of_four = Claims(claims, claims[:1])
    facts = order_facts(ORDER, {})
    assert message_confidence("confirmation", facts, three_of_four) == 0.75
    assert message_confidence("refunded", facts, three_of_four) == 0.375
    assert message_confidence("confirmation", facts, Claims((), ())) == 1
