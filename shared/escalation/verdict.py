"""The answer of a judgement: whether a human must decide, why, how soon and what is at stake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from shared.escalation.policy import Urgency
from shared.escalation.policy_document import URGENCIES
from shared.escalation.rules import Reason, Undecided
from shared.escalation.signals import Computed
from shared.tools.money import Money

Level = Literal["high", "normal"]

#: What makes work urgent by itself: fraud, legal words or review, an angry customer.
URGENT_TRIGGERS = frozenset(["fraud_risk_detected", "legal_review_required", "negative_customer_sentiment"])


class Impact(NamedTuple):
    """What is at stake. `financial` is as the task gave it, not converted; None when it names no amount."""

    financial: Money | None
    customer_satisfaction: Level
    brand_reputation: Level

    def to_json(self) -> dict[str, Any]:
        """`financial` is {amount, currency}, both text, or null."""
        money = self.financial
        return {
            "financial": None if money is None else {"amount": f"{money.amount:f}", "currency": money.currency},
            "customer_satisfaction": self.customer_satisfaction,
            "brand_reputation": self.brand_reputation,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """`triggers` are in the order of the rules, each once; `undecided` are the rules that want data.

    `computed` holds the signals that the task lacked, with what they come from; `notes` are sentences for the reader.
    """

    escalated: bool
    triggers: tuple[str, ...]
    reasons: tuple[Reason, ...]
    urgency: Urgency
    impact: Impact
    computed: dict[str, Computed]
    undecided: tuple[Undecided, ...]
    policy_version: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The whole verdict as JSON values; money is text."""
        return {
            "escalated": self.escalated,
            "triggers": list(self.triggers),
            "reasons": [reason.to_json() for reason in self.reasons],
            "urgency": self.urgency,
            "impact": self.impact.to_json(),
            "computed": {name: signal.to_json() for name, signal in self.computed.items()},
            "undecided": [{"signal": each.field, "rule": each.rule, "why": each.why} for each in self.undecided],
            "policy_version": self.policy_version,
            "notes": list(self.notes),
        }


def urgency(triggers: Sequence[str], least: Urgency = "low") -> Urgency:
    """High with fraud, legal or negative sentiment; else medium with two triggers or more; else low. `least` is what
    a tenant wants at least for the customer, where there is a trigger at all."""
    if not URGENT_TRIGGERS.isdisjoint(triggers):
        return "high"
    found: Urgency = "medium" if len(triggers) >= 2 else "low"
    return max(found, least, key=URGENCIES.index) if triggers else found
