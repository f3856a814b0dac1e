"""What a model said meets what the tools computed: the tools decide, the model may only make it more careful.

1. Outcome, output, proposals and signals are the tools'.
2. Confidence is the lower of the two.
3. Another outcome in the model's view stops at a human.
4. The model's summary and concerns are kept when every number, date, id and link in them is one that a tool gave.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from shared.agents.answer import Answer
from shared.agents.case import Conclusion, Escalation

#: A model's words are read as English; its rules ask for numbers as the tools give them.
LOCALE = "en_US"
MAX_FACTS = 20_000
MAX_FACT_DEPTH = 12
#: A longer text is a message or an article, and no value.
LONGEST_FACT = 300
_LARGEST = Decimal(10) ** 15


def merge(computed: Conclusion, answer: Answer, found: Mapping[str, Any]) -> tuple[Conclusion, tuple[str, ...]]:
    """The conclusion to go on with, and notes for a reviewer. `found` is what the tools found, by tool."""
    facts: list[Mapping[str, object]] = [*facts_of(found), *facts_in(computed.summary)]
    notes = []
    summary = answer.summary
    if unsupported := _unsupported(summary, facts):
        notes.append(f"the model's summary is not shown: no tool supports {unsupported}")
        summary = computed.summary
    for concern in answer.concerns:
        unsupported = _unsupported(concern, facts)
        hidden = f"a concern of the model is not shown: no tool supports {unsupported}"
        notes.append(hidden if unsupported else f"the model: {concern}")
    escalations = computed.escalations
    if answer.outcome not in (None, computed.outcome):
        why = f"the model would conclude {answer.outcome!r}, the tools {computed.outcome!r}"
        notes.append(why)
        disagreement = Escalation("unusual_behavior_pattern", "model_outcome", answer.outcome, computed.outcome, why)
        escalations = (*escalations, disagreement)
    merged = replace(
        computed,
        summary=summary,
        confidence=min(computed.confidence, answer.confidence),
        escalations=escalations,
    )
    return merged, tuple(notes)


def _unsupported(text: str, facts: list[Mapping[str, object]]) -> str:
    """The claims of a text that no fact holds; "" when there are none."""
    from shared.tools.claims import check_claims

    # "33.00." at the end of a sentence would be read as a day and a month.
    apart = re.sub(r"(?<=\d)\.(?=\s|$)", " .", text)
    wanting = check_claims(apart, facts, locale=LOCALE).unsupported
    return ", ".join(dict.fromkeys(claim.text for claim in wanting))


def facts_in(summary: str) -> Iterator[Mapping[str, object]]:
    """What a computed summary says word for word is the tools' too: an id, a number."""
    words = [word.strip(".,;:!?()\"'") for word in summary.split()]
    said = [word for word in words if any(map(str.isdigit, word))]
    said += [f"{number} {code}" for number, code in pairwise(words) if re.fullmatch("[A-Z]{3}", code)]
    yield from ({"key": "summary", "value": text} for text in said)


def prepare() -> None:
    """Read the locale and build the patterns of claims now (90 ms), so that the children of a zygote share them."""
    from shared.tools.claims import check_claims

    check_claims("1.00 EUR", (), locale=LOCALE)


def facts_of(found: Mapping[str, Any]) -> Iterator[Mapping[str, object]]:
    """What tools found as facts for `check_claims`: each leaf under its path. A float also counts rounded to up
    to four places, and between 0 and 1 as a percentage of up to two."""
    for count, (path, leaf) in enumerate(_leaves(found, "", 0)):
        if count == MAX_FACTS:
            return
        yield from ({"key": path.strip() or "found", "value": value} for value in _forms(leaf))


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > MAX_FACT_DEPTH:
        return
    inner: Iterable[tuple[str, Any]]
    if is_dataclass(value) and not isinstance(value, type):
        inner = ((part.name, getattr(value, part.name)) for part in fields(value))
    elif isinstance(value, BaseModel):
        inner = ((name, getattr(value, name)) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        inner = ((str(name), part) for name, part in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = ((str(index), part) for index, part in enumerate(value))
    else:
        yield path, value
        return
    parts = list(inner)
    yield from _amount(path, dict(parts))
    for name, part in parts:
        yield from _leaves(part, f"{path}.{name}" if path else name, depth + 1)


def _amount(path: str, parts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """An amount beside its currency is a fact of its own: "12.50 EUR"."""
    amount, currency = parts.get("amount"), parts.get("currency")
    if isinstance(amount, (str, int, Decimal)) and isinstance(currency, str):
        yield path, f"{amount} {currency}"


def _forms(leaf: Any) -> Iterator[object]:
    """A leaf as `check_claims` takes it; what it does not take supports nothing."""
    if isinstance(leaf, dt.date) or (isinstance(leaf, str) and len(leaf) <= LONGEST_FACT):
        yield leaf
    elif isinstance(leaf, bool) or leaf is None:
        return
    elif isinstance(leaf, float):
        yield from _rounded(leaf)
    elif isinstance(leaf, (int, Decimal)):
        exact = Decimal(leaf)
        if exact.is_finite() and abs(exact) < _LARGEST:
            yield exact if _places(exact) <= 12 else exact.quantize(Decimal("1e-12"))


def _rounded(number: float) -> Iterator[object]:
    if not abs(number) < 1e15:  # neither infinity nor NaN
        return
    exact = Decimal(repr(number))
    if _places(exact) <= 12:
        yield exact
    for places in range(5):
        yield exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    if 0 <= number <= 1:
        for places in range(3):
            yield f"{(exact * 100).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)} %"


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 99
