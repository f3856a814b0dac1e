"""Finds what a reply promises or admits, and whether anybody decided it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.tools.claim_patterns import Amount, Count, find_claims
from shared.tools.reading import Fields
from shared.tools.sentences import sentences
from shared.tools.tables.commitments import DENIED_NOUN, DENIED_VERB, NEW_PROMISE, RULES, Rule

# Claims that may be an amount; a number without its currency may be one as well.
AMOUNTS = frozenset(["money", "number", "percent"])
LOOK_BACK = 80

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_WORD = r"[^\s,;:.!?]+"
_DENIED = re.compile(
    rf"(?:^|[\s(])(?:(?:{DENIED_VERB})(?: (?!(?:{NEW_PROMISE})\b){_WORD}){{0,3}}|(?:{DENIED_NOUN})(?: {_WORD})?) ?$"
)


@dataclass(frozen=True)
class Allowed:
    """An action that was decided before the reply; what it leaves open (None) it does not limit."""

    action: str
    amount: Decimal | None = None
    currency: str | None = None
    days: int | None = None

    @classmethod
    def read(cls, value: Mapping[str, object], path: str = "allowed") -> Allowed:
        """From {action, amount?, currency?, days?}; raises Invalid naming the field."""
        fields = Fields.of(value, path)
        return cls(
            fields.text("action"),
            fields.maybe_decimal("amount"),
            fields.maybe_text("currency"),
            fields.maybe_integer("days"),
        )


@dataclass(frozen=True)
class Commitment:
    """A sentence of a reply that binds the shop, and the kind of it (see tables/commitments.py)."""

    kind: str
    text: str


def check_commitments(
    reply: str, allowed: Iterable[Allowed], *, locale: str = "en_US", ids: Collection[str] = ()
) -> tuple[Commitment, ...]:
    """The commitments of `reply` that no allowed action covers.

    An action covers a promise of its kind if every amount in the sentence is its own (`ids` are order numbers, no
    amounts), and a time limit if that is its own number of days. An admission of fault is covered by nothing. Quoted
    words of the customer count as well: a reply that repeats a demand can be read as granting it.
    """
    decided = tuple(allowed)
    return tuple(
        Commitment(rule.kind, sentence)
        for sentence in sentences(_INVISIBLE.sub("", unicodedata.normalize("NFKC", reply)))
        for rule in RULES
        if _binds(sentence, rule) and not any(_covers(one, rule, sentence, locale, ids) for one in decided)
    )


def _binds(sentence: str, rule: Rule) -> bool:
    folded = sentence.casefold().replace("’", "'")
    return any(
        not _DENIED.search(folded[max(0, found.start() - LOOK_BACK) : found.start()])
        for found in rule.pattern.finditer(folded)
    )


def _covers(allowed: Allowed, rule: Rule, sentence: str, locale: str, ids: Collection[str]) -> bool:
    if rule.kind == "deadline":
        return allowed.days is not None and str(allowed.days) in re.findall(r"\d+", sentence)
    if allowed.action not in rule.actions:
        return False
    if allowed.amount is None:
        return True
    claims = (claim.value for claim in find_claims(sentence, locale) if claim.kind in AMOUNTS)
    return all(_is_own(allowed, value) for value in claims if not (isinstance(value, Count) and value.written in ids))


def _is_own(allowed: Allowed, value: object) -> bool:
    """Whether a number is the decided amount; one that the locale cannot read is not."""
    match value:
        case Amount(amount, currencies):
            return amount == allowed.amount and (allowed.currency is None or allowed.currency in currencies)
        case Count(number):
            return number == allowed.amount
    return False
