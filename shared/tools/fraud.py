"""Screening one order for fraud: how probable, why, what accepting it is expected to cost, and what to do.

Light to import: the lists and libraries of single signals load when such a signal is first looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from shared.tools.fraud_history import Activity, History
from shared.tools.fraud_signals import all_signals
from shared.tools.fraud_weights import (
    DEFAULT_POLICY,
    GROUPS,
    Cost,
    FraudPolicy,
    Outlier,
    Record,
    Score,
    Signal,
    SignalCounts,
    amount_outlier,
    combine,
    expected_cost,
    prior,
    tail_weight,
    velocity,
    weight,
)
from shared.tools.money import Money
from shared.tools.reading import Fields

__all__ = [
    "GROUPS",
    "Activity",
    "Cost",
    "FraudPolicy",
    "History",
    "Outlier",
    "Record",
    "Score",
    "Screening",
    "Signal",
    "SignalCounts",
    "amount_outlier",
    "combine",
    "expected_cost",
    "prior",
    "screen",
    "tail_weight",
    "velocity",
    "weight",
]


class Screening(NamedTuple):
    """The verdict on one order.

    `contributions` moved the score from the prior, the strongest first. `groups_with_data` are those of the
    seven that could be looked at; confidence is their share x max(score, 1 - score). `recommendation` is
    accept, review or decline. `customer_new` is None when neither the order nor the history tells.
    `margin_assumed`: break_even rests on the policy's margin, the order did not tell its own.
    """

    fraud_score: float
    prior: float
    contributions: tuple[Signal, ...]
    groups_with_data: tuple[str, ...]
    confidence: float
    expected_loss: Money
    break_even: float
    recommendation: str
    customer_new: bool | None
    margin_assumed: bool


def screen(
    order: Mapping[str, object], history: History | None = None, policy: FraudPolicy = DEFAULT_POLICY
) -> Screening:
    """Screens the `data` of an order task against a tenant's history (none: by the order alone).

    Reads what fraud_screener reads; only amount and currency are required. A group without data is not
    decided and moves nothing: an order without any keeps the prior as its score, has confidence 0 and is not
    accepted. Raises Invalid naming the field for a wrong type.
    """
    known = history or History()
    start = prior(known.customer, known.tenant, policy)
    groups = all_signals(order, known, policy)
    score = combine(start, groups)
    with_data = tuple(group for group in GROUPS if any(signal.value is not None for signal in groups[group]))
    confidence = len(with_data) / len(GROUPS) * max(score.fraud_score, 1 - score.fraud_score)
    cost = expected_cost(score.fraud_score, order, policy)
    return Screening(
        fraud_score=score.fraud_score,
        prior=start,
        contributions=score.contributions,
        groups_with_data=with_data,
        confidence=confidence,
        expected_loss=cost.expected,
        break_even=cost.break_even,
        recommendation=_recommend(score.fraud_score, cost.break_even, confidence, policy),
        customer_new=_is_new(order, known),
        margin_assumed=cost.assumed,
    )


def _recommend(score: float, break_even: float, confidence: float, policy: FraudPolicy) -> str:
    if score > policy.decline_above:
        return "decline"
    return "review" if score > break_even or confidence == 0 else "accept"


def _is_new(order: Mapping[str, object], history: History) -> bool | None:
    """As given, else whether no settled or paid order came before."""
    given = Fields.of(order).maybe_flag("customer_new")
    if given is not None or history.paid_before is None:
        return given
    return not history.paid_before and history.customer.orders == 0
