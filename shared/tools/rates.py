"""Exchange rates as a tenant configures them, and conversion by them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from shared.errors import Invalid
from shared.tools.money import EXACT, Money, minor_unit
from shared.tools.reading import LIMIT, MAX_PLACES, Fields, moment


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of `base` is worth `rate` units of `quote`, as of a moment in UTC."""

    base: str
    quote: str
    rate: Decimal
    as_of: dt.datetime

    @classmethod
    def read(cls, value: Mapping[str, object], field: str) -> Rate:
        """From {"pair": "EUR/USD", "rate": "1.0832", "as_of": "2026-11-01" or a time with its offset}.

        Raises Invalid naming the field for an unknown currency, a rate that is no positive decimal text or
        integer, or a time that cannot be placed.
        """
        fields = Fields.of(value, field)
        pair = fields.text("pair")
        if not re.fullmatch("[A-Z]{3}/[A-Z]{3}", pair):
            raise Invalid.field(fields.at("pair"), 'must be two currency codes like "EUR/USD"')
        for code in pair.split("/"):
            minor_unit(code, field=fields.at("pair"))
        rate = fields.decimal("rate")
        if rate <= 0:
            raise Invalid.field(fields.at("rate"), "must be positive")
        return cls(pair[:3], pair[4:], rate, _as_of(fields))


def read_rates(values: object, field: str = "fx_rates") -> tuple[Rate, ...]:
    """All rates of a configuration or of `data.fx_rates`; Invalid names a wrong one by its index."""
    if not isinstance(values, list | tuple):
        raise Invalid.field(field, "must be a list of rates")
    return tuple(Rate.read(value, f"{field}[{index}]") for index, value in enumerate(values))


def convert(money: Money, to: str, rates: Iterable[Rate]) -> Money | None:
    """The amount in currency `to` by the newest rate of the pair, else of the inverse; None without one.

    Not rounded to the minor unit: call `rounded` on the result, once, at the end. No chains over a third
    currency: a rate that the tenant did not give is not known here, and the caller escalates.
    """
    minor_unit(to, field="to")
    if money.currency == to:
        return money
    listed = [rate for rate in rates if {rate.base, rate.quote} == {money.currency, to}]
    direct = [rate for rate in listed if rate.base == money.currency]
    if not listed:
        return None
    newest = max(direct or listed, key=lambda rate: rate.as_of)
    exact = EXACT.multiply(money.amount, newest.rate) if direct else EXACT.divide(money.amount, newest.rate)
    if abs(exact) >= LIMIT:
        raise Invalid.field("amount", f"is 10^15 or more in {to}")
    places = Decimal(1).scaleb(-MAX_PLACES)
    return Money(exact.quantize(places, rounding=ROUND_HALF_UP, context=EXACT), to)


def _as_of(fields: Fields) -> dt.datetime:
    text = fields.text("as_of")
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        text += "T00:00:00Z"
    return moment(text, fields.at("as_of"))
