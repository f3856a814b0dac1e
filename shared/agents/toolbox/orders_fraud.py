"""The fraud_screener's tools: how probable a fraud is, by which evidence, and what accepting is expected to cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.agents.case import Case, Conclusion, Escalation
from shared.agents.toolbox.orders_case import in_currency, once, order_of, past_of, plain, policy_of
from shared.errors import Invalid
from shared.tools import fraud as tools
from shared.tools.fraud import FraudPolicy, History, Screening, Signal
from shared.tools.fraud_signals import all_signals
from shared.tools.money import money
from shared.tools.reading import Fields
from shared.tools.totals import order_amount

#: Groups whose signals are facts with a weight, and those whose signals are counts with a p-value.
FACTS, COUNTS = ("payment", "identity", "location"), ("velocity", "linkage")
#: Told by the payment_validator, who looked at every payment.
PROVEN = ("authentication", "liability_shift")


def prior(case: Case) -> dict[str, Any]:
    """How probable a fraud is before any signal, from the tenant's and the customer's own settled orders."""
    past = _past(case)
    return {
        "prior": tools.prior(past.customer, past.tenant, _policy(case)),
        "tenant": plain(past.tenant),
        "customer": plain(past.customer),
    }


def weight(case: Case) -> list[dict[str, Any]]:
    """The signals of payment, identity and location: what the order shows and how much each weighs."""
    return _of_groups(case, FACTS)


def velocity(case: Case) -> list[dict[str, Any]]:
    """Orders of this e-mail, card, device and address in an hour, a day and a month, and e-mail addresses on one
    card, device or address: how many are usual, and the probability of so many."""
    past = _past(case)
    return [
        {**plain(seen), "p": tools.velocity(seen.seen, seen.rate) if seen.rate else None}
        for seen in (*past.activity, *past.links)
    ]


def tail_weight(case: Case) -> list[dict[str, Any]]:
    """What the counts of `velocity` weigh, at most ln 150 each."""
    return _of_groups(case, COUNTS)


def amount_outlier(case: Case) -> dict[str, Any]:
    """How far the amount and the largest quantity lie above earlier ones; null with fewer than ten to compare."""
    past, order = _past(case), order_of(case)
    quantities = [line.integer("quantity") for line in Fields.of(order).objects("lines")]
    return {
        "amount": plain(tools.amount_outlier(order_amount(order).amount, past.amounts)),
        "quantity": plain(tools.amount_outlier(max(quantities), past.quantities)) if quantities else None,
    }


def combine(case: Case) -> dict[str, Any]:
    """The fraud score out of the prior and the strongest signal of each group."""
    screening = _screening(case)
    return {
        "fraud_score": screening.fraud_score,
        "contributions": plain(screening.contributions),
        "groups_with_data": list(screening.groups_with_data),
    }


def expected_cost(case: Case) -> dict[str, Any]:
    """What a fraud would lose, what that is expected to cost, and the score at which accepting breaks even."""
    cost: dict[str, Any] = plain(tools.expected_cost(_screening(case).fraud_score, _screened(case), _policy(case)))
    return cost


def conclude_fraud(case: Case) -> Conclusion:
    """Accept, review or decline, with the score and what moved it."""
    screening = _screening(case)
    signals: dict[str, Any] = {"fraud_score": screening.fraud_score}
    if screening.customer_new is not None:
        signals["customer_new"] = screening.customer_new
    return Conclusion(
        outcome=screening.recommendation,
        confidence=screening.confidence,
        output=_output(screening),
        summary=_summary(screening),
        escalations=_escalations(screening),
        signals=signals,
    )


def _past(case: Case) -> History:
    """The tenant's history; the empty one, which decides nothing, where there is none."""
    past = past_of(case)
    return once(case, "past", lambda: History() if past is None else past.order_history(order_of(case)))


def _policy(case: Case) -> FraudPolicy:
    """The house's screening with the tenant's own limit."""
    return FraudPolicy(decline_above=float(policy_of(case).fraud_score))


def _screened(case: Case) -> Mapping[str, Any]:
    """The order with what the payment_validator proved and the tenant's chargeback fee in the order's currency."""
    order, checked = order_of(case), case.results.get("payment_validator", {})
    proven = {name: checked[name] for name in PROVEN if checked.get(name) is not None}
    fee = _chargeback_fee(case, order_amount(order).currency)
    return {**order, **proven, **({} if fee is None else {"chargeback_fee": fee})}


def _chargeback_fee(case: Case, currency: str) -> str | None:
    fee = case.settings.get("chargeback_fee")
    if fee is None:
        return None
    own = money(fee, policy_of(case).currency, field="settings.chargeback_fee")
    if own.amount < 0:
        raise Invalid.field("settings.chargeback_fee", "must not be negative")
    converted = in_currency(case, own, currency)
    return None if converted is None else f"{converted.amount:f}"


def _screening(case: Case) -> Screening:
    return once(case, "screening", lambda: tools.screen(_screened(case), _past(case), _policy(case)))


def _of_groups(case: Case, groups: tuple[str, ...]) -> list[dict[str, Any]]:
    signals = once(case, "signals", lambda: all_signals(_screened(case), _past(case), _policy(case)))
    return [signal._asdict() for group in groups for signal in signals[group]]


def _output(screening: Screening) -> dict[str, Any]:
    return {
        "fraud_score": screening.fraud_score,
        "prior": screening.prior,
        "contributions": plain(screening.contributions),
        "groups_with_data": list(screening.groups_with_data),
        "expected_loss": f"{screening.expected_loss.amount:f}",
        "currency": screening.expected_loss.currency,
        "break_even": screening.break_even,
        "margin_assumed": screening.margin_assumed,
        "customer_new": screening.customer_new,
        "recommendation": screening.recommendation,
    }


def _summary(screening: Screening) -> str:
    strongest = ", ".join(_named(signal) for signal in screening.contributions[:3]) or "no signal against its prior"
    advice = {
        "accept": "accept it",
        "review": "a person should look at it before it ships",
        "decline": "refuse it (rejecting ends the order, approving lets it pass)",
    }
    return (
        f"Fraud score {screening.fraud_score:.4f} ({strongest}), decided by {len(screening.groups_with_data)} of "
        f"{len(tools.GROUPS)} groups; accepting is expected to lose {screening.expected_loss}, and breaks even at "
        f"{screening.break_even:.4f}: {advice[screening.recommendation]}."
    )


def _named(signal: Signal) -> str:
    return f"{signal.signal.replace('_', ' ')} {signal.weight:+.3f}"


def _escalations(screening: Screening) -> tuple[Escalation, ...]:
    """A review stops at a human. A score to decline stops by the tenant's own rule on `fraud_score`."""
    if screening.recommendation != "review":
        return ()
    known = screening.groups_with_data
    why = "accepting costs more than it brings" if known else "no group of evidence has data"
    score, limit = round(screening.fraud_score, 4), round(screening.break_even, 4)
    return (Escalation("unusual_behavior_pattern", "fraud_score", score, limit, why),)
