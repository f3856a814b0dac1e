"""Money converts by the tenant's own rates, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.money import money
from shared.tools.rates import convert, read_rates

RATES = read_rates(
    [
        {"pair": "EUR/USD", "rate": "1.25", "as_of": "2026-11-01"},
        {"pair": "EUR/USD", "rate": "1.10", "as_of": "2026-10-31T12:00:00+02:00"},
        {"pair": "EUR/PLN", "rate": "4.25", "as_of": "2026-11-01T06:00:00Z"},
        {"pair": "USD/EUR", "rate": "0.5", "as_of": "2026-01-01"},
    ]
)


def test_the_newest_rate_of_the_pair_counts() -> None:
    """100 EUR at 1.25 are 125 USD; the older 1.10 is not used."""
    assert convert(money(100, "EUR"), "USD", RATES) == money(125, "USD")


def test_a_direct_rate_comes_before_an_inverse_one() -> None:
    """USD to EUR uses the older direct 0.5, not 1 / 1.25."""
    assert convert(money(100, "USD"), "EUR", RATES) == money(50, "EUR")


def test_the_inverse_pair_serves_when_there_is_no_direct_one() -> None:
    """85 PLN at EUR/PLN 4.25 are 20 EUR."""
    assert convert(money(85, "PLN"), "EUR", RATES) == money(20, "EUR")


def test_the_same_currency_needs_no_rate() -> None:
    """Nothing is done and nothing is rounded."""
    fine = money("0.123456", "EUR", payable=False)
    assert convert(fine, "EUR", []) is fine


def test_without_a_rate_there_is_no_amount() -> None:
    """No rate, and no chain over a third currency: None."""
    assert convert(money(1, "JPY"), "EUR", RATES) is None
    assert convert(money(1, "PLN"), "USD", RATES) is None


def test_rounding_is_left_to_the_end() -> None:
    """0.01 PLN three times and rounded once is 0.01 EUR; each rounded alone would be 0.00."""
    cent = convert(money("0.01", "PLN"), "EUR", RATES)
    assert cent is not None
    assert cent.rounded().amount == 0
    assert (cent + cent + cent).rounded() == money("0.01", "EUR")


@given(st.integers(1, 10**9), st.integers(10**3, 10**8))
def test_there_and_back_is_the_same_amount(cents: int, rate: int) -> None:
    """By one rate and its inverse the amount returns to the cent."""
    start = money(Decimal(cents).scaleb(-2), "EUR")
    rates = read_rates([{"pair": "EUR/PLN", "rate": str(Decimal(rate).scaleb(-4)), "as_of": "2026-11-01"}])
    there = convert(start, "PLN", rates)
    assert there is not None
    back = convert(there, "EUR", rates)
    assert back is not None
    assert back.rounded() == start


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pair": "EURUSD"}, "fx_rates[0].pair"),
        ({"pair": "EUR/XXX"}, "fx_rates[0].pair"),
        ({"pair": None}, "fx_rates[0].pair"),
        ({"rate": 1.25}, "fx_rates[0].rate"),
        ({"rate": "0"}, "fx_rates[0].rate"),
        ({"rate": "-1"}, "fx_rates[0].rate"),
        ({"as_of": "yesterday"}, "fx_rates[0].as_of"),
        ({"as_of": "2026-11-01T06:00:00"}, "fx_rates[0].as_of"),
        ({"as_of": "2026-13-01"}, "fx_rates[0].as_of"),
        ({"as_of": None}, "fx_rates[0].as_of"),
    ],
)
def test_a_wrong_rate_is_named(change: dict[str, Any], field: str) -> None:
    """Floats, unknown currencies and times without a zone are Invalid by their path."""
    with pytest.raises(Invalid) as caught:
        read_rates([{"pair": "EUR/USD", "rate": "1.25", "as_of": "2026-11-01", **change}])
    assert caught.value.problems[0].field == field


def test_what_is_no_list_of_rates_is_named() -> None:
    """An object or text in the place of the list, an item that is no object, an endless amount."""
    for wrong in ({"pair": "EUR/USD"}, "EUR/USD", ["EUR/USD"], None, 5):
        with pytest.raises(Invalid, match="fx_rates"):
            read_rates(wrong)
    huge = read_rates([{"pair": "EUR/VND", "rate": "100000", "as_of": "2026-11-01"}])
    with pytest.raises(Invalid, match="10\\^15"):
        convert(money(10**14, "EUR"), "VND", huge)
