"""The limits at which work goes to a human: one readable table, and how a value of it is read and compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from shared.errors import Invalid
from shared.tools.money import EXACT, Money, money, smallest_unit
from shared.tools.reading import exact_decimal

Kind = Literal["money", "share", "signed", "hours"]
LimitValue = Money | Decimal | int

#: Range of each kind that is a plain number: a share 0..1, a signed score -1..1.
SHARE = (Decimal(0), Decimal(1))
SIGNED = (Decimal(-1), Decimal(1))
LONGEST_HOURS = 168


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: its name in a policy document, its default, and which direction is the stricter one."""

    name: str
    default: str | int
    kind: Kind
    tighter: Literal["lower", "higher"]
    says: str

    def loosens(self, new: LimitValue, old: LimitValue) -> bool:
        """Whether `new` lets more work pass than `old` did."""
        # Both are of this limit's kind and, for money, of one currency.
        return new > old if self.tighter == "lower" else new < old  # type: ignore[operator]  # one kind, see above


# Money is in the tenant's currency. A confidence means something else for each role (the share of its checks that
# were decided, of its claims that are supported), so each role's file states its own floor; `min_confidence` lies
# beneath them all and is 0 until somebody wants more.
DEFAULT_LIMITS = (
    Limit("order_amount", "5000.00", "money", "lower", "an order above it goes to a human"),
    Limit("new_customer_amount", "1000.00", "money", "lower", "a new customer's order above it does"),
    Limit("fraud_score", "0.7", "share", "lower", "an order whose fraud score is above it does"),
    Limit("sentiment", "-0.8", "signed", "higher", "a ticket whose sentiment is below it does"),
    Limit("cost_impact", "10000.00", "money", "lower", "an inventory change that costs more does"),
    Limit("min_confidence", 0, "share", "higher", "work that a role finished with less confidence does"),
    Limit("approval_hours", 24, "hours", "lower", "how long a request for approval waits"),
    Limit("exception_hours", 12, "hours", "lower", "how long an exception waits"),
)


def read_limit(limit: Limit, value: object, currency: str, field: str = "") -> LimitValue:
    """A limit's value from a document. Raises Invalid naming `field`."""
    field = field or limit.name
    if limit.kind == "money":
        amount = money(value, currency, field=field)
        if amount.amount < 0:
            raise Invalid.field(field, "must be at least 0")
        return amount
    if limit.kind == "hours":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST_HOURS:
            raise Invalid.field(field, f"must be a whole number of hours from 1 to {LONGEST_HOURS}")
        return value
    return read_score(value, SHARE if limit.kind == "share" else SIGNED, field)


def read_score(value: object, bounds: tuple[Decimal, Decimal], field: str) -> Decimal:
    """A score inside its bounds, from a Decimal, an integer, decimal text or the float that a role computed.

    A float means the shortest decimal that reads back as it, which is how JSON writes it: a computed score may have
    more places than an amount.
    """
    if isinstance(value, float | Decimal) and math.isfinite(value):
        number = Decimal(repr(value)) if isinstance(value, float) else value
    else:
        number = exact_decimal(value, field)
    if not bounds[0] <= number <= bounds[1]:
        raise Invalid.field(field, f"must lie in {bounds[0]}..{bounds[1]}")
    return number


def in_currency(limit: LimitValue, currency: str) -> LimitValue:
    """A money limit as the same number of another currency, at most as large: 5000.50 EUR becomes 5000 JPY."""
    if not isinstance(limit, Money) or limit.currency == currency:
        return limit
    unit = smallest_unit(currency)
    return Money(limit.amount.quantize(unit, rounding=ROUND_FLOOR, context=EXACT), currency)
