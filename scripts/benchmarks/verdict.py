"""A verdict with explanation, in microseconds, against the bare conditions of the same rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from scripts.benchmarks.measure import Bench, Figure
from shared.escalation.classify import classify
from shared.escalation.policy import operator_policy

BUDGET_MICROSECONDS = 25.0
LEGAL = ("lawyer", "sue", "court", "legal", "attorney")
#: A task that escalates by several rules, one that passes, of each type that has rules of its own.
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("order", {"amount": Decimal("5600.00"), "currency": "EUR", "fraud_score": 0.81, "customer_new": True}),
    ("order", {"amount": Decimal("56.00"), "currency": "EUR", "fraud_score": 0.11, "customer_new": False}),
    ("support_ticket", {"sentiment": -0.7, "message": "I want my money back or my lawyer will write to you."}),
    ("support_ticket", {"sentiment": 0.2, "message": "Where is my order? It should have come on Monday."}),
    ("content", {"is_brand_critical": True, "legal_review_required": False}),
    ("inventory", {"unusual_demand": False, "cost_impact": Decimal("1200.00"), "currency": "EUR"}),
)
#: The same rules as conditions only: no reading of fields, no currency, no explanation.
BARE: Mapping[str, Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "order": {
        "order_high_value": lambda data: data["amount"] > 5000,
        "order_fraud": lambda data: data["fraud_score"] > 0.7,
        "order_new_customer": lambda data: data["customer_new"] and data["amount"] > 1000,
    },
    "support_ticket": {
        "ticket_angry": lambda data: data["sentiment"] < -0.5,
        "ticket_legal_words": lambda data: any(word in data["message"].lower() for word in LEGAL),
    },
    "content": {
        "content_brand": lambda data: data["is_brand_critical"],
        "content_legal": lambda data: data["legal_review_required"],
    },
    "inventory": {
        "inventory_demand": lambda data: data["unusual_demand"],
        "inventory_cost": lambda data: data["cost_impact"] > 2000,
    },
}


def run(bench: Bench) -> Iterator[Figure]:
    """Every case in turn; the signals are given, so that the rules are measured and not the scoring of texts."""
    policy = operator_policy()
    ours: list[float] = []
    bare: list[float] = []
    calls = 4000
    for number in range(bench.rounds + 1):
        bench.say(f"verdict: round {number} of {bench.rounds}")
        taken = _each(lambda kind, data: classify(kind, data, policy), calls)
        plain = _each(lambda kind, data: [name for name, holds in BARE[kind].items() if holds(data)], calls)
        if number:  # the first warms up
            ours.append(taken)
            bare.append(plain)
    yield Figure(
        "verdict with explanation",
        "us",
        "less",
        tuple(ours),
        tuple(bare),
        "a dict of lambdas, no explanation",
        f"at most {BUDGET_MICROSECONDS:.0f}",
        sorted(ours)[len(ours) // 2] <= BUDGET_MICROSECONDS,
        how=f"mean CPU time of a call over {len(CASES)} cases, {calls} calls of each in a round",
    )


def _each(call: Callable[[str, dict[str, Any]], object], calls: int) -> float:
    began = time.process_time()
    for kind, data in CASES:
        for _ in range(calls):
            call(kind, data)
    return (time.process_time() - began) / (calls * len(CASES)) * 1e6
