"""Whether an order's numbers agree with each other: lines, shipping, discounts and the amount to pay.

Identities as in the European invoice standard EN 16931, rules BR-CO-10, -13, -15 and -17. Each number was
rounded by somebody, so it is off by at most half its last place: the tolerances are the sums of those halves.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from shared.errors import Invalid
from shared.tools.money import Money, minor_unit, money, smallest_unit, total
from shared.tools.reading import Fields, decimal_places

HALF = Decimal("0.5")


class BadLine(NamedTuple):
    """A line, by its index, that fails a check: "total" (price x quantity) or "tax" (net x (1 + rate))."""

    line: int
    sku: str | None
    check: str
    difference: Decimal
    tolerance: Decimal


class Totals(NamedTuple):
    """What the parts come to, the amount less that, how far both may differ, and the lines that are wrong."""

    computed: Money
    difference: Decimal
    tolerance: Decimal
    bad_lines: tuple[BadLine, ...]

    @property
    def ok(self) -> bool:
        """Whether the amount and all lines lie within their tolerances."""
        return abs(self.difference) <= self.tolerance and not self.bad_lines


def order_amount(order: Mapping[str, object]) -> Money:
    """The amount of an order in its currency; Invalid when negative or finer than the minor unit."""
    fields = Fields.of(order)
    amount = money(fields.data.get("amount"), fields.text("currency"))
    if amount.amount < 0:
        raise Invalid.field("amount", "must not be negative")
    return amount


def reconcile_totals(order: Mapping[str, object]) -> Totals:
    """Reads amount, currency, lines, shipping_gross and discounts of an order.

    A line needs its quantity (1 or more) and unit_price_gross; total_gross, unit_price_net with tax_rate are
    checked where they are given, and a line without total_gross counts with price x quantity. Raises Invalid
    naming the field, also for an order without lines.
    """
    amount = order_amount(order)
    fields = Fields.of(order)
    lines = fields.objects("lines")
    if not lines:
        raise Invalid.field("lines", "must hold at least one line")
    read = [_line(line, index, amount.currency) for index, line in enumerate(lines)]
    parts = [gross for gross, _ in read]
    parts.append(_part(fields, "shipping_gross", amount.currency))
    parts += [-_part(discount, "amount", amount.currency) for discount in fields.objects("discounts")]
    computed = total(parts, amount.currency)
    tolerance = HALF * smallest_unit(amount.currency) * (len(lines) + 1)
    bad = tuple(problem for _, problems in read for problem in problems)
    return Totals(computed, (amount - computed).amount, tolerance, bad)


def _line(line: Fields, index: int, currency: str) -> tuple[Money, list[BadLine]]:
    """The line's gross total and what is wrong with it."""
    quantity = line.integer("quantity")
    if quantity < 1:
        raise Invalid.field(line.at("quantity"), "must be at least 1")
    sku, price = line.maybe_text("sku"), _price(line, "unit_price_gross", currency)
    expected = price.times(quantity)
    if line.data.get("total_gross") is None:
        return expected, _tax_problem(line, index, sku, price)
    gross = _part(line, "total_gross", currency)
    difference = (gross - expected).amount
    tolerance = HALF * (smallest_unit(currency) + quantity * _last_place(price))
    problems = _tax_problem(line, index, sku, price)
    if abs(difference) > tolerance:
        problems.append(BadLine(index, sku, "total", difference, tolerance))
    return gross, problems


def _tax_problem(line: Fields, index: int, sku: str | None, gross: Money) -> list[BadLine]:
    rate = line.maybe_decimal("tax_rate")
    if rate is None or line.data.get("unit_price_net") is None:
        return []
    if not 0 <= rate <= 1:
        raise Invalid.field(line.at("tax_rate"), "must lie in 0..1")
    net = _price(line, "unit_price_net", gross.currency)
    difference = (gross - net.times(1 + rate)).amount
    tolerance = HALF * (_last_place(net) * (1 + rate) + _last_place(gross))
    return [BadLine(index, sku, "tax", difference, tolerance)] if abs(difference) > tolerance else []


def _price(line: Fields, name: str, currency: str) -> Money:
    price = money(line.data.get(name), currency, field=line.at(name), payable=False)
    if price.amount < 0:
        raise Invalid.field(line.at(name), "must not be negative")
    return price


def _part(fields: Fields, name: str, currency: str) -> Money:
    """A part of the sum, 0 when it is not given."""
    value = fields.data.get(name)
    part = money(0 if value is None else value, currency, field=fields.at(name), payable=False)
    if part.amount < 0:
        raise Invalid.field(fields.at(name), "must not be negative")
    return part


def _last_place(price: Money) -> Decimal:
    """The last place of a price as written, at most the minor unit: 90 EUR is taken as 90.00."""
    return Decimal(1).scaleb(-max(decimal_places(price.amount), minor_unit(price.currency)))
