"""An amount as it was given, and as the rules compare it: in the tenant's currency."""

from __future__ import annotations

from typing import NamedTuple

from shared.escalation.policy import Policy
from shared.tools.money import Money, money
from shared.tools.rates import convert


class Amount(NamedTuple):
    """`compared` is None when no rate leads to the tenant's currency; `why` says how it was converted, or why not."""

    given: Money
    compared: Money | None
    why: str = ""


def read_amount(value: object, field: str, currency: str, policy: Policy) -> Amount:
    """An amount of `currency` beside what it is in the policy's, unrounded. Raises Invalid naming `field`."""
    given = money(value, currency, field=field)
    if currency == policy.currency:
        return Amount(given, given)
    converted = convert(given, policy.currency, policy.fx_rates)
    if converted is None:
        return Amount(given, None, f"no rate {currency}/{policy.currency}")
    return Amount(given, converted, f"{given} is {converted.rounded()} by the tenant's rates")
