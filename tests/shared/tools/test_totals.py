"""An order's numbers must agree with each other within what rounding explains."""

from __future__ import annotations

import copy
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.money import Money
from shared.tools.saleor import order_from_saleor
from shared.tools.totals import reconcile_totals

CENT = Decimal("0.01")
ORDER: dict[str, Any] = {
    "amount": "90.000",
    "currency": "PLN",
    "lines": [
        {
            "sku": "A",
            "quantity": 1,
            "unit_price_net": "73.171",
            "unit_price_gross": "90.000",
            "tax_rate": "0.2300",
            "total_gross": "90.000",
        }
    ],
    "shipping_gross": "0.000",
    "discounts": [],
}


def changed(**fields: Any) -> dict[str, Any]:
    """ORDER with other fields; a name such as line_quantity changes the line."""
    order = copy.deepcopy(ORDER)
    for name, value in fields.items():
        target = order["lines"][0] if name.startswith("line_") else order
        target[name.removeprefix("line_")] = value
    return order


def test_all_150_shared_orders_reconcile(saleor_bodies: list[Any]) -> None:
    """The proof of the role page."""
    totals = [reconcile_totals(order_from_saleor(body)) for body in saleor_bodies]
    assert [found.ok for found in totals] == [True] * 150


def test_our_own_orders_reconcile(own_saleor_bodies: list[Any]) -> None:
    """With shipping, a discount, yen, no tax and 400 pieces."""
    assert all(reconcile_totals(order_from_saleor(body)).ok for body in own_saleor_bodies)


def test_the_first_line_of_the_role_page() -> None:
    """73.171 x 1.23 = 90.00033 against 90.000 lies within half a last place of each number."""
    totals = reconcile_totals(ORDER)
    assert totals.ok
    assert totals.computed == Money(Decimal("90.000"), "PLN")
    assert totals.tolerance == Decimal("0.01")  # half a grosz for the line and half for the amount


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ({"line_unit_price_net": "73.173"}, "tax"),
        ({"line_total_gross": "90.006"}, "total"),
        ({"line_quantity": 2}, "total"),
    ],
)
def test_a_line_that_does_not_add_up_is_named(fields: dict[str, Any], check: str) -> None:
    """The line's index, the check that failed, and by how much."""
    (bad,) = reconcile_totals(changed(**fields)).bad_lines
    assert (bad.line, bad.sku, bad.check) == (0, "A", check)
    assert abs(bad.difference) > bad.tolerance


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"amount": "90.02"}, "0.02"),
        ({"amount": "80.00"}, "-10.00"),
        ({"shipping_gross": "5.00"}, "-5.00"),
        ({"discounts": [{"amount": "5.00"}, {"amount": "0.02"}]}, "5.02"),
    ],
)
def test_an_amount_off_by_more_than_rounding_is_not_ok(fields: dict[str, Any], difference: str) -> None:
    """The difference is the amount less what its parts come to."""
    totals = reconcile_totals(changed(**fields))
    assert totals.difference == Decimal(difference)
    assert not totals.ok


def test_a_price_without_places_is_exact_to_the_minor_unit() -> None:
    """400 pieces at "90" and a total 100 PLN too high do not pass as rounding."""
    order = changed(line_quantity=400, line_unit_price_gross=90, line_unit_price_net=None)
    order["lines"][0]["total_gross"] = order["amount"] = "36100.00"
    assert [bad.check for bad in reconcile_totals(order).bad_lines] == ["total"]


def test_a_line_without_its_total_counts_with_price_times_quantity() -> None:
    """And tax that is not given is not checked."""
    line = {"quantity": 3, "unit_price_gross": "30"}
    totals = reconcile_totals({"amount": "90.00", "currency": "PLN", "lines": [line]})
    assert totals.ok
    assert totals.difference == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(1, 400), st.sampled_from(["0", "0.05", "0.19", "0.23"])),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 10**4),
    st.integers(2, 6),
)
def test_honestly_rounded_orders_always_reconcile(
    wares: list[tuple[int, int, str]], shipping: int, places: int
) -> None:
    """Unit prices rounded to any number of places, lines and amount to the cent: always within tolerance; an
    amount that lies a whole cent more than the tolerance away never is."""
    step = Decimal(1).scaleb(-places)
    lines, exact = [], Decimal(shipping).scaleb(-2)
    for net_cents, quantity, rate in wares:
        net = Decimal(net_cents) / 997
        gross = net * (1 + Decimal(rate))
        lines.append(
            {
                "quantity": quantity,
                "unit_price_net": str(net.quantize(step, ROUND_HALF_UP)),
                "unit_price_gross": str(gross.quantize(step, ROUND_HALF_UP)),
                "tax_rate": rate,
                "total_gross": str((gross * quantity).quantize(CENT, ROUND_HALF_UP)),
            }
        )
        exact += gross * quantity
    amount = exact.quantize(CENT, ROUND_HALF_UP)
    order: dict[str, Any] = {"amount": str(amount), "currency": "EUR", "lines": lines}
    order["shipping_gross"] = str(Decimal(shipping).scaleb(-2))
    totals = reconcile_totals(order)
    assert totals.ok
    order["amount"] = str(totals.computed.rounded().amount + totals.tolerance.quantize(CENT, ROUND_HALF_UP) + CENT)
    assert not reconcile_totals(order).ok


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": None}, "lines"),
        ({"lines": "A"}, "lines"),
        ({"lines": ["A"]}, "lines[0]"),
        ({"line_quantity": 0}, "lines[0].quantity"),
        ({"line_quantity": "2"}, "lines[0].quantity"),
        ({"line_quantity": True}, "lines[0].quantity"),
        ({"line_quantity": 10**400}, "lines[0].quantity"),
        ({"line_unit_price_gross": None}, "lines[0].unit_price_gross"),
        ({"line_unit_price_gross": 90.0}, "lines[0].unit_price_gross"),
        ({"line_unit_price_gross": "-1"}, "lines[0].unit_price_gross"),
        ({"line_tax_rate": "23"}, "lines[0].tax_rate"),
        ({"discounts": [{"amount": "-5"}]}, "discounts[0].amount"),
        ({"shipping_gross": "free"}, "shipping_gross"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1000.50", "currency": "JPY"}, "amount"),
        ({"currency": "pln"}, "currency"),
        ({"currency": None}, "currency"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], field: str) -> None:
    """No lines, a quantity below 1, floats, negative numbers and odd currencies are Invalid by their path."""
    with pytest.raises(Invalid) as caught:
        reconcile_totals(changed(**fields))
    assert caught.value.problems[0].field == field
