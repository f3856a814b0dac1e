"""Signals that the rules need and a task lacks: computed as the roles do it, never assumed.

Each computed value says how it came about. Where the data cannot tell, `why` says so, and the judgement after the
role's work looks again. The tools are imported when they are needed: most tasks bring their signals with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from shared.errors import Invalid
from shared.escalation.amounts import Amount
from shared.escalation.fields import Known

if TYPE_CHECKING:
    from shared.tools.fraud import History


@dataclass(frozen=True, slots=True)
class Computed:
    """A signal that was computed: its value, by which method, how sure (0..1; None: it is counted) and out of what."""

    value: float | bool | None
    method: str
    confidence: float | None
    contributions: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "value": self.value,
            "method": self.method,
            "confidence": self.confidence,
            "contributions": [dict(each) for each in self.contributions],
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """What was computed, by field, and why a field stays unknown or is too unsure to let a task pass."""

    computed: dict[str, Computed] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


class Past(Protocol):
    """A tenant's past, asked when an order lacks a signal."""

    def order_history(self, order: Mapping[str, Any]) -> History:
        """What fraud screening needs to know of the time before this order (`shared.tools.fraud_past.summarise`)."""
        ...


def compute_missing(task_type: str, known: Known, fields: Mapping[str, Any], past: Past | None) -> Missing:
    """Computes what an order or a support ticket lacks, adds it to `known` and tells what it did.

    `fields` are all fields of the task, with what roles found.
    """
    missing = Missing()
    if task_type == "order" and not ("fraud_score" in known and "customer_new" in known):
        _order(known, fields, past, missing)
    elif task_type == "support_ticket" and "sentiment" not in known:
        _sentiment(known, fields, missing)
    return missing


def _sentiment(known: Known, fields: Mapping[str, Any], missing: Missing) -> None:
    """VADER on the author's own words. Quoted mail is left out here; the legal words are looked for in all of it."""
    from shared.tools.languages import detect_language
    from shared.tools.message_text import clean_message
    from shared.tools.sentiment import doubt, score_text

    text = clean_message(known.get("message", "")).text
    hint = fields.get("language") or fields.get("locale")
    language = detect_language(text, hint if isinstance(hint, str) else None).language
    score = score_text(text, language or "en")
    if score.compound is not None:
        known["sentiment"] = Decimal(repr(score.compound))
    if why := doubt(text, language, score):
        missing.why["sentiment"] = why
    missing.computed["sentiment"] = Computed(
        score.compound,
        f"score_text (VADER), language {language or 'unknown, read as en'}",
        score.confidence,
        ({"positive": score.pos, "negative": score.neg, "hits": score.hits, "words": score.words},),
    )


def _order(known: Known, fields: Mapping[str, Any], past: Past | None, missing: Missing) -> None:
    """The fraud score as fraud_screener computes it, and whether the customer is new.

    Screening reads more fields than the rules do (addresses, lines, payments). One that it cannot read is no reason
    to refuse the task here: the score stays undecided, and the role will name the field to a human.
    """
    from shared.tools.fraud import History

    amount: Amount | None = known.get("amount")
    if amount is None:
        missing.why.update(dict.fromkeys(("fraud_score", "customer_new"), "cannot be told without an amount"))
        return
    order = {**fields, "amount": amount.given.amount, "currency": amount.given.currency}
    try:
        history = past.order_history(order) if past else History()
        if "customer_new" not in known:
            _newness(known, history, missing)
        if "fraud_score" not in known:
            _screening(known, order, history, missing)
    except Invalid as error:
        unknown = {"fraud_score", "customer_new"} - known.keys()
        missing.why.update(dict.fromkeys(unknown, f"the order cannot be screened: {error.detail}"))


def _newness(known: Known, history: History, missing: Missing) -> None:
    if history.paid_before is None:
        missing.why["customer_new"] = "no history tells"
        return
    known["customer_new"] = new = not history.paid_before and not history.customer.orders
    missing.computed["customer_new"] = Computed(new, "no settled or paid order before this one", None)


def _screening(known: Known, order: Mapping[str, Any], history: History, missing: Missing) -> None:
    from shared.tools.fraud import screen
    from shared.tools.statistics import logit

    screening = screen(order, history)
    known["fraud_score"] = Decimal(repr(screening.fraud_score))
    if not screening.groups_with_data:
        missing.why["fraud_score"] = "no group of evidence has data: the score is the prior alone"
    start = {"group": "prior", "signal": "prior", "value": screening.prior, "weight": logit(screening.prior)}
    missing.computed["fraud_score"] = Computed(
        screening.fraud_score,
        "screen: logit(prior) and the weights of the signals, summed",
        screening.confidence,
        (start, *(signal._asdict() for signal in screening.contributions)),
    )
