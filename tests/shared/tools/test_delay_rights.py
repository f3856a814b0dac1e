from __future__ import annotations

import datetime as dt

import pytest

from shared.errors import Invalid
from shared.tools.delay_rights import delay_rights

PLACED = "2026-11-01T10:00:00Z"


def order(country: str, **given: object) -> dict[str, object]:
    return {"placed_at": PLACED, "shipping_address": {"country": country}, **given}


@pytest.mark.parametrize("country", ["DE", "pl", "NO", "GB", "US"])
@pytest.mark.parametrize(("new_date", "must"), [(dt.date(2026, 12, 1), False), (dt.date(2026, 12, 2), True)])
def test_without_an_agreed_day_the_thirtieth_after_the_contract_is_the_last(
    country: str, new_date: dt.date, must: bool
) -> None:
    assert delay_rights(order(country), new_date).must_offer_cancel is must


@pytest.mark.parametrize("country", ["FR", "US"])
@pytest.mark.parametrize(("new_date", "must"), [(dt.date(2026, 11, 10), False), (dt.date(2026, 11, 11), True)])
def test_an_agreed_day_goes_before_the_thirty_days(country: str, new_date: dt.date, must: bool) -> None:
    rights = delay_rights(order(country, promised_by="2026-11-10"), new_date)
    assert rights.must_offer_cancel is must
    assert "2026-11-10" in rights.reason


def test_an_agreed_day_beyond_thirty_days_is_good() -> None:
    assert not delay_rights(order("DE", promised_by="2027-02-01"), dt.date(2027, 1, 31)).must_offer_cancel


def test_in_the_us_the_day_counts_on_which_the_carrier_gets_it() -> None:
    ships, arrives = dt.date(2026, 12, 1), dt.date(2026, 12, 4)
    assert not delay_rights(order("US"), arrives, new_ship_date=ships).must_offer_cancel
    assert delay_rights(order("DE"), arrives, new_ship_date=ships).must_offer_cancel


def test_the_reason_names_the_law_and_both_days() -> None:
    assert delay_rights(order("DE"), dt.date(2026, 12, 2)).reason == (
        "2026-12-02 is later than 2026-12-01, the last day by law (Directive 2011/83/EU art. 18)"
    )


@pytest.mark.parametrize("country", ["DE", "US"])
def test_a_delay_without_a_date_is_an_offer(country: str) -> None:
    assert delay_rights(order(country), None).must_offer_cancel


def test_a_country_without_a_rule_says_so() -> None:
    rights = delay_rights(order("BR"), dt.date(2027, 11, 1))
    assert (rights.must_offer_cancel, rights.reason) == (False, "no rule is on file for BR")


def test_the_day_of_the_contract_is_that_of_the_customer() -> None:
    """Placed at 23:30 UTC on the 1st: the 2nd in Berlin, so one day more."""
    late = order("DE", placed_at="2026-11-01T23:30:00Z")
    assert delay_rights(late, dt.date(2026, 12, 2)).must_offer_cancel
    assert not delay_rights({**late, "time_zone": "Europe/Berlin"}, dt.date(2026, 12, 2)).must_offer_cancel


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"placed_at": "yesterday"}, "placed_at"),
        ({"placed_at": None}, "placed_at"),
        ({"promised_by": "soon"}, "promised_by"),
        ({"time_zone": "Mars"}, "time_zone"),
        ({"shipping_address": {}}, "shipping_address.country"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused_by_its_field(changed: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        delay_rights(order("DE", **changed), dt.date(2026, 12, 2))
    assert refused.value.problems[0].field == field
