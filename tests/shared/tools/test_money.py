"""Money follows ISO 4217 and never loses or mixes anything."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Decimal

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.money import Money, minor_unit, money, smallest_unit, total, zero
from shared.tools.tables.currencies import MINOR_UNITS

CENTS = st.integers(-(10**14), 10**14)
CURRENCIES = st.sampled_from(sorted(MINOR_UNITS))
FINE = st.decimals(-(10**9), 10**9, places=7, allow_nan=False, allow_infinity=False)


def test_minor_units_are_those_of_the_iso_list() -> None:
    """Codes and places equal the list one that package iso4217 carries."""
    listed = {
        code: int(str(entry["CcyMnrUnts"]))
        for code, entry in iso4217.raw_table.items()
        if code and str(entry["CcyMnrUnts"]).isdigit()
    }
    assert listed == MINOR_UNITS


@pytest.mark.parametrize(
    ("currency", "places"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("IQD", 3), ("RSD", 2), ("LBP", 2), ("UGX", 0)],
)
def test_minor_unit(currency: str, places: int) -> None:
    """Minor units as the role page lists them, also where CLDR differs."""
    assert minor_unit(currency) == places


@pytest.mark.parametrize("currency", ["XAU", "XXX", "DEM", "eur", "", "EURO", None, 978, ["EUR"]])
def test_what_is_no_payable_currency_is_refused(currency: object) -> None:
    """Gold, test codes, withdrawn codes, small letters and other types are no currency."""
    with pytest.raises(Invalid, match=r"^currency: "):
        money(1, currency)  # type: ignore[arg-type]  # hostile input on purpose


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [
        ("90.000", "PLN", "90.00"),
        (90, "PLN", "90.00"),
        ("1000", "JPY", "1000"),
        ("1000.00", "JPY", "1000"),
        (Decimal("1.250"), "KWD", "1.250"),
        ("-0.00", "EUR", "0.00"),
        (Decimal("0E+99999"), "EUR", "0.00"),
        ("999999999999999.99", "EUR", "999999999999999.99"),
    ],
)
def test_payable_amounts_take_the_places_of_the_currency(value: object, currency: str, amount: str) -> None:
    """Zeros beyond the minor unit are dropped, missing ones are added."""
    assert str(money(value, currency).amount) == amount


def test_more_places_than_the_currency_has_are_refused_by_field() -> None:
    """JPY with "1000.50" names `amount`; a unit price may be finer."""
    with pytest.raises(Invalid) as caught:
        money("1000.50", "JPY")
    assert caught.value.problems[0].field == "amount"
    assert money("73.171", "PLN", payable=False).amount == Decimal("73.171")


@pytest.mark.parametrize(
    "value",
    [
        *(
            1.5,
            True,
            None,
            [],
            {},
            b"1",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e3",
            "1_000",
            " 1",
            "1,5",
            "١٢",
            "",
        ),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("1E+999999"), Decimal("1E-999999")),
        pytest.param(10**5000, id="huge"),
        *(10**15, -(10**15), "1000000000000000", "0.0000000000001", "9" * 10_000),
    ],
)
def test_what_is_no_exact_amount_is_refused_naming_the_field(value: object) -> None:
    """Floats, bools, NaN, infinities, exponents, other scripts and 10^15 are Invalid."""
    for payable in (True, False):
        with pytest.raises(Invalid) as caught:
            money(value, "EUR", field="lines[2].total", payable=payable)
        assert caught.value.problems[0].field == "lines[2].total"


def test_currencies_never_mix() -> None:
    """Adding and comparing two currencies is Invalid."""
    euro, dollar = money(1, "EUR"), money(1, "USD")
    for mix in (lambda: euro + dollar, lambda: euro - dollar, lambda: euro < dollar, lambda: euro >= dollar):
        with pytest.raises(Invalid, match="do not mix"):
            mix()
    with pytest.raises(Invalid, match="do not mix"):
        total([euro, dollar], "EUR")


def test_money_refuses_what_the_reader_refuses() -> None:
    """Money itself cannot be built from a float or NaN."""
    for amount in (1.5, Decimal("NaN"), Decimal(10) ** 15):
        with pytest.raises(Invalid):
            Money(amount, "EUR")  # type: ignore[arg-type]  # hostile input on purpose


@pytest.mark.parametrize(("value", "rounded"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("2.0049999", "2.00")])
def test_rounding_is_half_up(value: str, rounded: str) -> None:
    """A tie goes away from zero, less than half goes down."""
    assert str(money(value, "EUR", payable=False).rounded().amount) == rounded


def test_rounding_happens_once() -> None:
    """Three thirds of a cent each make one cent: none is rounded on the way."""
    part = money("0.0034", "EUR", payable=False)
    assert total([part] * 3, "EUR").rounded() == money("0.01", "EUR")


@given(FINE, CURRENCIES)
def test_rounding_is_off_by_at_most_half_a_unit_and_idempotent(amount: Decimal, currency: str) -> None:
    """|rounded - exact| <= unit / 2, on the grid of the unit, and a second rounding changes nothing."""
    exact = money(amount, currency, payable=False)
    rounded = exact.rounded()
    assert abs(rounded.amount - amount) <= smallest_unit(currency) / 2
    assert rounded.amount == amount.quantize(smallest_unit(currency), rounding=ROUND_HALF_UP)
    assert rounded.rounded() == rounded == money(rounded.amount, currency)


@given(st.lists(CENTS, max_size=8), CENTS, CENTS)
def test_sums_and_products_are_exact(cents: list[int], factor: int, other: int) -> None:
    """Against integers: sums in any order, difference and product are exact."""
    amounts = [money(Decimal(c).scaleb(-2), "EUR") for c in cents]
    shuffled = random.Random(1).sample(amounts, len(amounts))
    assert total(amounts, "EUR") == total(shuffled, "EUR")
    assert total(amounts, "EUR").amount == Decimal(sum(cents)).scaleb(-2)
    price = money(Decimal(other).scaleb(-12), "EUR", payable=False)
    product = price.times(factor % 10**6)
    assert product.amount == Decimal(other * (factor % 10**6)).scaleb(-12)
    assert product - product == zero("EUR")
