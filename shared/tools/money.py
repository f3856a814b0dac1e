"""Money: an exact decimal with its currency, which never mixes with another.

Minor units are those of ISO 4217 list one, not CLDR's cash digits (they differ for 13 currencies, IQD and
LBP among them). Rounding is half up, once, at the end: sums and products keep all places until `rounded`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from shared.errors import Invalid
from shared.tools.reading import LIMIT, decimal_places, exact_decimal
from shared.tools.tables.currencies import MINOR_UNITS

# 15 digits before the point, 12 after it, times a factor of as many: nothing is rounded on the way.
EXACT = Context(prec=60)


def minor_unit(currency: str, *, field: str = "currency") -> int:
    """Decimal places of a currency's minor unit (EUR 2, JPY 0, KWD 3).

    Raises Invalid for what is no current ISO 4217 code in capitals, or has no minor unit (XAU, XXX).
    """
    places = MINOR_UNITS.get(currency) if isinstance(currency, str) else None
    if places is None:
        raise Invalid.field(field, "must be an ISO 4217 currency code with a minor unit, like EUR")
    return places


def smallest_unit(currency: str) -> Decimal:
    """One minor unit: 0.01 for EUR, 1 for JPY."""
    return Decimal(1).scaleb(-minor_unit(currency))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency, possibly negative, possibly finer than the minor unit (a unit price)."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        minor_unit(self.currency)
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite() or abs(self.amount) >= LIMIT:
            raise Invalid.field("amount", "must be a finite Decimal smaller than 10^15")

    def rounded(self) -> Money:
        """To the minor unit, half up (away from zero on a tie)."""
        unit = smallest_unit(self.currency)
        return Money(self.amount.quantize(unit, rounding=ROUND_HALF_UP, context=EXACT), self.currency)

    def times(self, factor: Decimal | int) -> Money:
        """Exact product with a quantity or a rate; not rounded."""
        return Money(EXACT.multiply(self.amount, Decimal(factor)), self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(EXACT.add(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(EXACT.subtract(self.amount, self._same(other)), self.currency)

    def __neg__(self) -> Money:
        return Money(EXACT.minus(self.amount), self.currency)

    def __abs__(self) -> Money:
        return Money(EXACT.abs(self.amount), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise Invalid.field("currency", f"{self.currency} and {other.currency} do not mix")
        return other.amount


def money(value: object, currency: str, *, field: str = "amount", payable: bool = True) -> Money:
    """Money from a Decimal, an integer or decimal text.

    A payable amount may have no more decimal places than its currency, save zeros: "90.000" PLN becomes
    90.00, while "1000.50" JPY is refused. With `payable=False` (unit prices, net amounts) the places stay as
    written. Raises Invalid naming `field` (or `currency`): see `exact_decimal` for what is refused.
    """
    number = exact_decimal(value, field)
    places = minor_unit(currency)
    if not payable:
        return Money(number, currency)
    exact = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=EXACT)
    if exact != number:
        rule = f"has {decimal_places(number)} decimal places and {currency} has {places}"
        raise Invalid.field(field, rule)
    return Money(exact, currency)


def zero(currency: str) -> Money:
    """No money, at the currency's places: 0.00 EUR."""
    return money(0, currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Exact sum; Invalid when one is of another currency; 0 of an empty list."""
    result = zero(currency)
    for amount in amounts:
        result += amount
    return result
