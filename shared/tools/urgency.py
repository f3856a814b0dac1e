"""How soon a ticket must be dealt with: impact, urgency, priority, due time.

Impact and urgency are read from what the customer says, by cue phrases; priority is their ITIL matrix (the same
table as in the ServiceNow documentation, "Data lookup for prioritizing problems").
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import Invalid
from shared.tools.claim_dates import PartialDate
from shared.tools.claim_patterns import find_claims
from shared.tools.cues import find_cue, spaced
from shared.tools.sentences import sentences
from shared.tools.tables.ticket_cues import CUES, Cues
from shared.tools.working_time import Opening, working_hours

Level = Literal["high", "medium", "low"]

# Customers say what is wrong at the beginning; what they paste below it may be long.
READ = 20_000
QUOTE = 200
PRIORITIES: Mapping[tuple[Level, Level], int] = {
    ("high", "high"): 1,
    ("high", "medium"): 2, ("medium", "high"): 2,
    ("high", "low"): 3, ("medium", "medium"): 3, ("low", "high"): 3,
    ("medium", "low"): 4, ("low", "medium"): 4,
    ("low", "low"): 5,
}  # fmt: skip
# Opening hours until an answer is due (policy; the example coding of ITIL Service Operation, 2007); None: no limit.
SLA_HOURS: Mapping[int, float | None] = {1: 1, 2: 8, 3: 24, 4: 48, 5: None}


@dataclass(frozen=True)
class Evidence:
    """Why a level was given: the name of the cue list and the sentence that holds the cue."""

    kind: str
    quote: str


@dataclass(frozen=True)
class Severity:
    """Impact, urgency, and the sentences they rest on."""

    impact: Level
    urgency: Level
    evidence: tuple[Evidence, ...]


def impact_urgency(
    text: str,
    *,
    vip: bool,
    today: dt.date,
    soon: dt.date,
    language: str | None = "en",
    cues: Cues | None = None,
    locale: str = "en_US",
) -> Severity:
    """The severity of a ticket of `text`, written on `today` in the customer's time zone.

    Impact is high when several customers are hit or payments or login are down, medium for a VIP customer or one
    who cannot use what was bought, else low. Urgency is high with a word of safety or a stated deadline up to
    `soon` (one working day on), medium when the customer is blocked without a workaround, else low.
    """
    lists = cues or CUES.get(language or "", CUES["en"])
    said = dict(_said(sentences(text[:READ]), lists, language, today, soon, locale))
    impact: Level = "high" if "many" in said else "medium" if vip or "unusable" in said else "low"
    stuck = "blocked" in said and "workaround" not in said
    urgency: Level = "high" if "safety" in said or "deadline" in said else "medium" if stuck else "low"
    return Severity(impact, urgency, tuple(Evidence(kind, quote[:QUOTE]) for kind, quote in said.items()))


def priority(impact: Level, urgency: Level) -> int:
    """1 (most urgent) to 5; Invalid for other levels than high, medium, low."""
    if (impact, urgency) not in PRIORITIES:
        raise Invalid.field("impact, urgency", "must each be high, medium or low")
    return PRIORITIES[impact, urgency]


def due_at(
    level: int,
    received_at: dt.datetime,
    opening: Opening,
    *,
    hours: Mapping[int, float | None] = SLA_HOURS,
    country: str | None = None,
    region: str | None = None,
    closures: Sequence[dt.date] = (),
) -> dt.datetime | None:
    """When a ticket of priority `level` must be answered, in UTC; None when the tenant sets no limit for it."""
    if level not in hours:
        raise Invalid.field("priority", f"must be one of {', '.join(map(str, sorted(hours)))}")
    limit = hours[level]
    if limit is None:
        return None
    return working_hours(received_at, limit, opening, country=country, region=region, closures=closures)


def _said(
    parts: Sequence[str], cues: Cues, language: str | None, today: dt.date, soon: dt.date, locale: str
) -> Iterator[tuple[str, str]]:
    """Each kind of cue with the first sentence that holds one (the last in a dict wins, so from the end)."""
    for sentence in reversed(parts):
        stemmed = spaced(sentence, language)
        for kind in ("many", "unusable", "blocked", "workaround"):
            if find_cue(stemmed, getattr(cues, kind), language):
                yield kind, sentence
        if (danger := find_cue(stemmed, cues.safety, language)) and not _denied(stemmed, danger, cues, language):
            yield "safety", sentence
        if find_cue(stemmed, cues.demand, language) and any(
            today <= day <= soon for day in _days(sentence, stemmed, cues, language, today, locale)
        ):
            yield "deadline", sentence


def _denied(stemmed: str, danger: re.Match[str], cues: Cues, language: str | None) -> bool:
    """Whether one of the three words before the cue denies it ("nobody was hurt")."""
    before = " ".join(stemmed[: danger.start()].split()[-3:])
    return find_cue(f" {before} ", cues.denial, language) is not None


def _days(
    sentence: str, stemmed: str, cues: Cues, language: str | None, today: dt.date, locale: str
) -> Iterator[dt.date]:
    """The days that a sentence names, from `today` on."""
    for word, ahead in cues.days.items():
        if find_cue(stemmed, (word,), language):
            yield today + dt.timedelta(days=ahead)
    for number, word in enumerate(cues.weekdays):
        if find_cue(stemmed, (word,), language):
            yield today + dt.timedelta(days=(number - today.weekday()) % 7)
    hours = "|".join(map(re.escape, cues.hours))
    for count in re.findall(rf"(?<!\w)(\d{{1,4}})\s?(?:{hours})\b", sentence, re.IGNORECASE):
        yield today + dt.timedelta(hours=int(count))
    for claim in find_claims(sentence, locale):
        if isinstance(claim.value, PartialDate) and (day := _next_date(claim.value, today)):
            yield day


def _next_date(written: PartialDate, today: dt.date) -> dt.date | None:
    """The first day from `today` on that a date without a year may mean; None without a day, or if it is past."""
    if written.day is None:
        return None
    for year in (written.year,) if written.year else (today.year, today.year + 1):
        try:
            day = dt.date(year, written.month, written.day)
        except ValueError:  # 29 February
            continue
        if day >= today:
            return day
    return None
