"""Whether a ticket is already known: the same message again, the same problem of others, an incident."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.tools.statistics import unusual_count
from shared.tools.words import jaccard, shingles, tokens, words

# Near-duplicates by shingles of four words (Introduction to Information Retrieval, 2008, section 19.6).
SAME_MESSAGE = 0.9
# Policy: half of the words in common, in the same category, is the same problem.
SAME_PROBLEM = 0.5
HOUR = dt.timedelta(hours=1)
# A text's beginning is enough to compare it.
READ = 10_000


@dataclass(frozen=True)
class OpenTicket:
    """A ticket to compare with: `text` is its cleaned message, `received_at` aware. One that has `ended` tells of a
    problem, and can no longer take in a duplicate."""

    id: str
    customer_id: str | None
    text: str
    category: str
    received_at: dt.datetime
    ended: bool = False


@dataclass(frozen=True)
class Known:
    """`duplicate_of` and `cluster` are ticket ids; `in_hour` counts the customers with this problem in the hour up
    to this ticket, its own included; `p` is how often chance brings as many, None without a usual rate."""

    duplicate_of: str | None
    cluster: tuple[str, ...]
    in_hour: int
    p: float | None
    incident: bool


def known_ticket(
    ticket: OpenTicket,
    others: Iterable[OpenTicket],
    *,
    rate: float | None = None,
    language: str | None = "en",
) -> Known:
    """What open tickets (of this customer, and of all in the last 24 hours) say of a new one.

    `rate` is how many tickets of its category usually come in this hour of the week; without it nothing is called
    an incident. A customer who writes twice about one problem counts once.
    """
    earlier = [other for other in others if other.id != ticket.id]
    same = list(_same_problem(ticket, earlier, language))
    recent = [one for one in same if dt.timedelta(0) <= ticket.received_at - one.received_at <= HOUR]
    number = 1 + len({one.customer_id or one.id for one in recent} - {ticket.customer_id})
    unusual = None if rate is None else unusual_count(number, rate)
    return Known(
        duplicate_of=_duplicate_of(ticket, earlier),
        cluster=tuple(one.id for one in same),
        in_hour=number,
        p=unusual.p if unusual else None,
        incident=bool(unusual and unusual.unusual),
    )


def _duplicate_of(ticket: OpenTicket, earlier: Iterable[OpenTicket]) -> str | None:
    """The most similar ticket of the same customer, the first received on a tie."""
    if ticket.customer_id is None:
        return None
    mine = shingles(tokens(ticket.text[:READ]))
    alike = [
        (-score, other.received_at, other.id)
        for other in earlier
        if other.customer_id == ticket.customer_id
        and not other.ended
        and (score := jaccard(mine, shingles(tokens(other.text[:READ])))) >= SAME_MESSAGE
    ]
    return min(alike)[2] if alike else None


def _same_problem(ticket: OpenTicket, earlier: Iterable[OpenTicket], language: str | None) -> Iterator[OpenTicket]:
    mine = set(words(ticket.text[:READ], language))
    for other in earlier:
        if other.category == ticket.category:
            theirs = set(words(other.text[:READ], language))
            if jaccard(mine, theirs) >= SAME_PROBLEM:
                yield other
