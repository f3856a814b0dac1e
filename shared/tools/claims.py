"""Checks that a text claims nothing that the facts do not hold.

What is a claim: every amount, percentage, date, time, number, order or tracking number, link, e-mail address
and phone number. A claim is supported when a fact has its value: money at the minor unit and in its currency,
dates as dates, ids, links and addresses exactly, phone numbers by their digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.errors import Invalid
from shared.tools.claim_patterns import find_claims
from shared.tools.fact_index import FactIndex

LONGEST_TEXT = 100_000


@dataclass(frozen=True)
class Claim:
    """One claim.

    `kind` is money, percent, date, time, number, id, url, email, phone or literal (a wording that stands in a
    fact just so); `text` the words; `start` the character where they begin; `fact` the key of the fact that
    supports it, None when nothing does.
    """

    kind: str
    text: str
    start: int
    fact: str | None


@dataclass(frozen=True)
class Claims:
    """All claims of a text in their order, and those that no fact supports."""

    claims: tuple[Claim, ...]
    unsupported: tuple[Claim, ...]


def check_claims(
    text: str,
    facts: Iterable[Mapping[str, object]] | FactIndex,
    *,
    locale: str = "en_US",
    allowed_hosts: Iterable[str] = (),
) -> Claims:
    """Every claim of `text`, read as its locale (CLDR: "de_DE" or "de-DE") writes, against the facts.

    `facts` are {key, value, source}, or an index of them, which has its own hosts: made once for many texts. See
    `FactIndex` for what a value may be. A link also needs its host in `allowed_hosts`. Raises Invalid for other types,
    unknown locales and texts of over 100,000 characters.
    """
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise Invalid.field("text", f"must be text of at most {LONGEST_TEXT} characters")
    if not isinstance(locale, str):
        raise Invalid.field("locale", "must be text")
    index = facts if isinstance(facts, FactIndex) else FactIndex.of(facts, allowed_hosts)
    claims = tuple(
        Claim(found.kind, found.text, found.start, index.support(found))
        for found in find_claims(text, locale, index.wordings(locale))
    )
    return Claims(claims, tuple(claim for claim in claims if claim.fact is None))
