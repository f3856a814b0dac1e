"""The rules that decide when a human must decide: one typed table, and what each kind of comparison means.

How a rule is judged:
1. A limit is exclusive: 5000.00 against a limit of 5000.00 passes, 5000.01 does not.
2. A rule whose field is unknown fires neither way: it is undecided, unless its `only_if` is known to be false.
3. An amount in another currency is compared as converted. Without a rate it cannot be compared: the rule fires
   where the table says so, and is undecided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from shared.escalation.amounts import Amount
from shared.escalation.policy import Policy
from shared.tools.legal_words import legal_words

Comparison = Literal["above", "below", "set", "mentions", "reported"]

Trigger = Literal[
    "high_value_transaction",
    "fraud_risk_detected",
    "new_customer_high_risk",
    "negative_customer_sentiment",
    "legal_review_required",
    "brand_critical_content",
    "unusual_behavior_pattern",
    "potential_policy_violation",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: `limit` names a field of the policy ("" for a flag); `task_type` "" is every type.

    `only_if` names a flag that must be true as well; `without_rate` tells whether an amount that no rate converts
    makes the rule fire.
    """

    name: str
    task_type: str
    trigger: Trigger
    field: str
    comparison: Comparison
    limit: str = ""
    only_if: str = ""
    without_rate: bool = False


# fmt: off
RULES = (
    Rule("order_high_value", "order", "high_value_transaction", "amount", "above", "order_amount", without_rate=True),
    Rule("order_fraud", "order", "fraud_risk_detected", "fraud_score", "above", "fraud_score"),
    Rule("order_new_customer", "order", "new_customer_high_risk", "amount", "above", "new_customer_amount",
         only_if="customer_new"),
    Rule("ticket_angry", "support_ticket", "negative_customer_sentiment", "sentiment", "below", "sentiment"),
    Rule("ticket_legal_words", "support_ticket", "legal_review_required", "message", "mentions", "legal_words"),
    Rule("content_brand", "content", "brand_critical_content", "is_brand_critical", "set"),
    Rule("content_legal", "content", "legal_review_required", "legal_review_required", "set"),
    Rule("inventory_demand", "inventory", "unusual_behavior_pattern", "unusual_demand", "set"),
    Rule("inventory_cost", "inventory", "high_value_transaction", "cost_impact", "above", "cost_impact",
         without_rate=True),
    Rule("any_policy", "", "potential_policy_violation", "policy_violations", "reported"),
)
# fmt: on


# Named tuples, because a verdict may make several of them: a frozen dataclass takes three times as long to make.
class Reason(NamedTuple):
    """Why a task stopped. `actual` and `limit` are JSON: money as text ("6200.00 EUR"), scores as numbers.

    An amount stands as the task gave it: what a human approved stays the same when a rate moves. `why` says how it
    was converted, or that it could not be.
    """

    rule: str
    trigger: Trigger
    field: str
    actual: Any
    limit: Any
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a request shows it."""
        return {
            "rule": self.rule,
            "trigger": self.trigger,
            "field": self.field,
            "actual": self.actual,
            "limit": self.limit,
            "why": self.why,
        }


class Undecided(NamedTuple):
    """A rule that could not be judged, for want of which field and why."""

    rule: str
    field: str
    why: str = ""


def judge(rule: Rule, known: Mapping[str, Any], policy: Policy) -> Reason | Undecided | None:
    """What one rule says of what is known: it fires, it cannot be judged, or it lets the task pass (None)."""
    condition = known.get(rule.only_if) if rule.only_if else True
    if condition is False:
        return None
    actual = known.get(rule.field)
    if actual is None:
        return Undecided(rule.name, rule.field)
    found = COMPARISONS[rule.comparison](rule, actual, getattr(policy, rule.limit) if rule.limit else None)
    if found is not None and condition is None:
        return Undecided(rule.name, rule.only_if)
    return found


def _above(rule: Rule, actual: Any, limit: Any) -> Reason | Undecided | None:
    if not isinstance(actual, Amount):
        return _reason(rule, float(actual), float(limit)) if actual > limit else None
    if actual.compared is None:
        unknown = Undecided(rule.name, rule.field, actual.why)
        return _reason(rule, str(actual.given), str(limit), actual.why) if rule.without_rate else unknown
    return _reason(rule, str(actual.given), str(limit), actual.why) if actual.compared > limit else None


def _below(rule: Rule, actual: Decimal, limit: Decimal) -> Reason | None:
    return _reason(rule, float(actual), float(limit)) if actual < limit else None


def _set(rule: Rule, actual: bool, _: None) -> Reason | None:
    return _reason(rule, True, False) if actual else None


def _mentions(rule: Rule, actual: str, limit: tuple[str, ...]) -> Reason | None:
    """The words as the message spells them, and those of the list that they are forms of."""
    matches = legal_words(actual, limit)
    if not matches:
        return None
    return _reason(rule, list(dict.fromkeys(m.found for m in matches)), list(dict.fromkeys(m.word for m in matches)))


def _reported(rule: Rule, actual: tuple[str, ...] | bool, _: None) -> Reason | None:
    """The violations as texts, or only the flag that there is one."""
    if actual is True:
        return Reason(rule.name, rule.trigger, rule.trigger, True, False)
    return _reason(rule, list(actual), []) if actual else None


def _reason(rule: Rule, actual: Any, limit: Any, why: str = "") -> Reason:
    return Reason(rule.name, rule.trigger, rule.field, actual, limit, why)


COMPARISONS: dict[Comparison, Callable[[Rule, Any, Any], Reason | Undecided | None]] = {
    "above": _above,
    "below": _below,
    "set": _set,
    "mentions": _mentions,
    "reported": _reported,
}
