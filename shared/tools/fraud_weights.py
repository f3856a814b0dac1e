"""The arithmetic of fraud screening: a prior, weights of evidence, their sum, and what accepting costs.

Weights are natural logarithms of likelihood ratios: 0 says nothing, ln 20 = 2.996 speaks strongly for fraud.
Numbers marked "policy" are defaults that an operator sets, not facts about the world. The types here are
named tuples because the classifier wakes with this module: a dataclass takes six times as long to import.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from shared.errors import Invalid
from shared.tools.money import Money, money, zero
from shared.tools.reading import Fields
from shared.tools.statistics import logistic, logit, m_estimate, modified_z, normal_tail, poisson_tail
from shared.tools.totals import order_amount

GROUPS = ("payment", "identity", "location", "velocity", "linkage", "amount", "basket")

# Verbal grades of evidence, the lower ends of Kass and Raftery (JASA 90, 1995).
POSITIVE, STRONG, VERY_STRONG = math.log(3), math.log(20), math.log(150)
# Which signal has which grade is policy.
DEFAULT_WEIGHTS = {
    "cvv_no_match": STRONG,
    "avs_none": POSITIVE,
    "cvv_match_full_avs": -POSITIVE,
    "three_ds_authenticated": -STRONG,
    "disposable_email": POSITIVE,
    "surnames_differ": POSITIVE,
    "card_country_differs": POSITIVE,
    "ip_country_differs": POSITIVE,
    "shipping_country_differs": POSITIVE,
}
SHRINK_TO_DEFAULT = 10  # labelled frauds at which the own weight and the default count alike (policy)
FEWEST_AMOUNTS = 10  # earlier amounts below which an outlier is not decided


class FraudPolicy(NamedTuple):
    """Policy of an operator, which a tenant may tighten.

    `margin_rate` is the margin taken for an order that does not tell its own; `chargeback_fee` is in the
    currency of the order.
    """

    base_rate: float = 0.01
    tenant_weight: float = 100
    customer_weight: float = 10
    decline_above: float = 0.7
    margin_rate: Decimal = Decimal("0.25")
    chargeback_fee: Decimal = Decimal("20.00")
    weights: Mapping[str, float] = DEFAULT_WEIGHTS


DEFAULT_POLICY = FraudPolicy()


class Record(NamedTuple):
    """Settled orders and how many of them were frauds."""

    orders: int = 0
    frauds: int = 0


class SignalCounts(NamedTuple):
    """How often a signal stood on labelled orders: in `fraud_hits` of `frauds`, in `good_hits` of `goods`."""

    fraud_hits: int
    frauds: int
    good_hits: int
    goods: int


class Signal(NamedTuple):
    """One thing looked at: its group, name, value (None: no data to decide it) and weight."""

    group: str
    signal: str
    value: bool | int | float | None
    weight: float = 0.0


class Score(NamedTuple):
    """The probability of fraud, and the signals that moved it from the prior, the strongest first."""

    fraud_score: float
    contributions: tuple[Signal, ...]


class Outlier(NamedTuple):
    """`m` is the modified z of the logarithm, `p` its upper normal tail."""

    m: float
    p: float


class Cost(NamedTuple):
    """What a fraud would cost (`loss`) and the score makes of it (`expected`).

    `break_even` is the score at which accepting and refusing cost the same; `assumed` says that the margin
    was not given and the policy's rate stood in.
    """

    loss: Money
    expected: Money
    break_even: float
    assumed: bool


def prior(customer: Record, tenant: Record, policy: FraudPolicy = DEFAULT_POLICY) -> float:
    """Probability of fraud before any signal: the customer's own rate drawn to the tenant's, that to the base
    rate (m-estimates, Cestnik, ECAI 1990)."""
    rate = m_estimate(tenant.frauds, tenant.orders, policy.base_rate, policy.tenant_weight)
    return m_estimate(customer.frauds, customer.orders, rate, policy.customer_weight)


def weight(signal: str, counts: SignalCounts | None = None, policy: FraudPolicy = DEFAULT_POLICY) -> float:
    """The logarithm of how much likelier the signal is on a fraud than on a good order.

    From labelled orders (each side with half an order added), drawn to the signal's default by the number of
    frauds seen; the default alone without counts. Raises Invalid for a signal
    that has no default and for more hits than orders.
    """
    default = policy.weights.get(signal)
    if default is None:
        raise Invalid.field("signal", f"must be one of {', '.join(policy.weights)}")
    if counts is None:
        return default
    if not 0 <= counts.fraud_hits <= counts.frauds or not 0 <= counts.good_hits <= counts.goods:
        raise Invalid.field("counts", "must have 0 <= hits <= orders on both sides")
    on_fraud = (counts.fraud_hits + 0.5) / (counts.frauds + 1)
    on_good = (counts.good_hits + 0.5) / (counts.goods + 1)
    own = math.log(on_fraud / on_good)
    return (counts.frauds * own + SHRINK_TO_DEFAULT * default) / (counts.frauds + SHRINK_TO_DEFAULT)


def tail_weight(p: float) -> float:
    """The most that a p-value can weigh: ln(-1 / (e p ln p)) below 1/e, else 0; at most ln 150.

    Bound of Sellke, Bayarri and Berger (The American Statistician 55, 2001).
    """
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        raise Invalid.field("p", "must be a probability in 0..1")
    if p >= 1 / math.e:
        return 0.0
    if p == 0:
        return VERY_STRONG
    return min(VERY_STRONG, max(0.0, -1 - math.log(p) - math.log(-math.log(p))))


def velocity(n: int, rate: float) -> float:
    """P(X >= n) for n orders, or addresses, in a window where `rate` are usual (Poisson)."""
    return poisson_tail(n, rate)


def amount_outlier(amount: Decimal | int, history: Sequence[Decimal | int]) -> Outlier | None:
    """How far an amount (or quantity) lies above earlier ones, on logarithms.

    None, not decided, for fewer than 10 positive earlier amounts or when more than half of them are equal.
    """
    earlier = [math.log(past) for past in history if past > 0]
    if amount <= 0 or len(earlier) < FEWEST_AMOUNTS:
        return None
    score = modified_z(math.log(amount), earlier)
    return None if score is None else Outlier(score, normal_tail(score))


def combine(prior: float, groups: Mapping[str, Sequence[Signal]]) -> Score:
    """1 / (1 + exp(-(logit(prior) + sum of weights))).

    Of each group only the weight largest in absolute value counts, since signals of a group depend on each
    other; on a tie the one that speaks for fraud.
    """
    strongest = [max(signals, key=lambda s: (abs(s.weight), s.weight)) for signals in groups.values() if signals]
    counted = [signal for signal in strongest if signal.weight != 0]
    start = logit(prior)
    if not counted:
        return Score(prior, ())  # just so, without the rounding of there and back
    score = logistic(start + math.fsum(signal.weight for signal in counted))
    return Score(score, tuple(sorted(counted, key=lambda signal: -abs(signal.weight))))


def expected_cost(score: float, order: Mapping[str, object], policy: FraudPolicy = DEFAULT_POLICY) -> Cost:
    """What accepting an order costs if `score` is the probability of fraud.

    Reads amount, currency, margin, chargeback_fee and liability_shift. A fraud loses the goods (amount less
    margin) and the fee, nothing when the issuer is liable; break_even = margin / (margin + loss)
    (cost-sensitive threshold, Elkan, IJCAI 2001), 0 without a margin to lose, 1 when nothing can be lost.
    """
    fields, amount = Fields.of(order), order_amount(order)
    margin = _given(fields, "margin", amount.currency)
    assumed = margin is None
    margin = margin if margin is not None else amount.times(policy.margin_rate).rounded()
    if margin > amount:
        raise Invalid.field("margin", "must not exceed the amount")
    fee = _given(fields, "chargeback_fee", amount.currency)
    fee = fee if fee is not None else money(policy.chargeback_fee, amount.currency, payable=False).rounded()
    loss = zero(amount.currency) if fields.maybe_flag("liability_shift") else amount - margin + fee
    expected = loss.times(Decimal(repr(score))).rounded()
    return Cost(loss, expected, _break_even(margin, loss), assumed)


def _break_even(margin: Money, loss: Money) -> float:
    if loss.amount <= 0:
        return 1.0
    if margin.amount <= 0:
        return 0.0
    return float(margin.amount / (margin.amount + loss.amount))


def _given(fields: Fields, name: str, currency: str) -> Money | None:
    value = fields.data.get(name)
    return None if value is None else money(value, currency, field=fields.at(name))
