"""Reads the fields of a task that the rules need: strictly, only those, and with all problems together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from shared.errors import Invalid, Problem
from shared.escalation.amounts import Amount, read_amount
from shared.escalation.limits import SHARE, SIGNED, read_score
from shared.escalation.policy import Policy
from shared.escalation.rules import Rule
from shared.tools.money import minor_unit
from shared.tools.reading import exact_decimal

#: What is known of a task, by field name; an absent field is unknown. Amounts are `Amount`, scores Decimal, flags
#: bool, `policy_violations` a tuple of texts, or True where only the flag says that there is one.
Known = dict[str, Any]
Problems = list[Problem]

#: Read for the estimated impact, whatever the rules of the type need.
IMPACT_FIELDS = ("amount", "vip_customer", "is_brand_critical")
VIOLATIONS, VIOLATION_FLAG = "policy_violations", "potential_policy_violation"


class Reading(NamedTuple):
    """What a value is read against: the policy, and the task's currency (None when that is wrong itself)."""

    policy: Policy
    currency: str | None


def _flag(value: object, at: str, _: Reading) -> bool:
    if not isinstance(value, bool):
        raise Invalid.field(at, "must be true or false")
    return value


def _text(value: object, at: str, _: Reading) -> str:
    if not isinstance(value, str):
        raise Invalid.field(at, "must be text")
    return value


def _texts(value: object, at: str, _: Reading) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item.strip() for item in value):
        raise Invalid.field(at, "must be a list of texts, none of them empty")
    return tuple(value)


def _share(value: object, at: str, _: Reading) -> Decimal:
    return read_score(value, SHARE, at)


def _signed(value: object, at: str, _: Reading) -> Decimal:
    return read_score(value, SIGNED, at)


def _any_amount(value: object, at: str, reading: Reading) -> Amount | None:
    if reading.currency is None:
        exact_decimal(value, at)
        return None
    return read_amount(value, at, reading.currency, reading.policy)


def _amount(value: object, at: str, reading: Reading) -> Amount | None:
    amount = _any_amount(value, at, reading)
    if amount is not None and amount.given.amount < 0:
        raise Invalid.field(at, "must be at least 0")
    return amount


#: How each field is read. A cost may be negative: a saving.
READERS: dict[str, Callable[[object, str, Reading], Any]] = {
    "amount": _amount,
    "cost_impact": _any_amount,
    "fraud_score": _share,
    "sentiment": _signed,
    "customer_new": _flag,
    "message": _text,
    "is_brand_critical": _flag,
    "legal_review_required": _flag,
    "unusual_demand": _flag,
    "vip_customer": _flag,
}


def fields_of(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """The names of the fields that these rules and the impact are read from, each once."""
    names = [name for rule in rules for name in (rule.field, rule.only_if) if name in READERS]
    return tuple(dict.fromkeys([*names, *IMPACT_FIELDS]))


def read_fields(
    names: tuple[str, ...], data: Mapping[str, Any], found: Mapping[str, Any], policy: Policy, problems: Problems
) -> Known:
    """What `data` and the roles' findings say of the named fields; a finding counts more, a null says nothing.

    Violations of a policy add up instead: no finding takes back one that was reported.
    What is wrong is added to `problems`, as `data.amount`, `found.fraud_score` and the like.
    """
    reading = Reading(policy, _currency(data, found, policy, problems))
    known: Known = {}
    for name in names:
        place, value = "found", found.get(name)
        if value is None:
            place, value = "data", data.get(name)
            if value is None:
                continue
        try:
            known[name] = READERS[name](value, name, reading)
        except Invalid as error:
            problems.extend(Problem(f"{place}.{name}", problem.rule) for problem in error.problems)
    known[VIOLATIONS] = _violations(data, found, reading, problems)
    return known


def _currency(data: Mapping[str, Any], found: Mapping[str, Any], policy: Policy, problems: Problems) -> str | None:
    place = "data" if found.get("currency") is None else "found"
    code = (data if place == "data" else found).get("currency")
    if code is None:
        return policy.currency
    try:
        minor_unit(code, field=f"{place}.currency")
    except Invalid as error:
        problems.extend(error.problems)
        return None
    return str(code)


def _violations(
    data: Mapping[str, Any], found: Mapping[str, Any], reading: Reading, problems: Problems
) -> tuple[str, ...] | bool:
    texts: tuple[str, ...] = ()
    flagged = False
    for place, source in (("data", data), ("found", found)):
        for name, read in ((VIOLATIONS, _texts), (VIOLATION_FLAG, _flag)):
            value = source.get(name)
            if value is None:
                continue
            try:
                said = read(value, f"{place}.{name}", reading)
            except Invalid as error:
                problems.extend(error.problems)
                continue
            if said is True:
                flagged = True
            elif said:
                texts += said
    return texts or flagged
