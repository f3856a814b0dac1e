"""The work of the ticket triager: what a ticket is about, how urgent it is, whose it is, whether it is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shared.agents.case import Escalation, Proposal
from shared.tools.known_ticket import Known, OpenTicket, known_ticket
from shared.tools.languages import detect_language
from shared.tools.legal_words import LEGAL_WORDS, Match, legal_words
from shared.tools.message_text import CleanMessage, clean_message
from shared.tools.naive_bayes import train
from shared.tools.references import References, find_references
from shared.tools.sensitive import Finding, mask_sensitive
from shared.tools.statistics import wilson
from shared.tools.tables.ticket_cues import CUES
from shared.tools.tables.ticket_topics import OTHER
from shared.tools.ticket import Confirmed, Ticket, TicketHistory
from shared.tools.triage_settings import Topics, TriageSettings
from shared.tools.urgency import Severity, due_at, impact_urgency, priority
from shared.tools.working_time import working_days

# Confidence in the category while no human has confirmed one yet.
UNPROVEN = 0.5
# What a classification reads of a message: its beginning says what it is about.
READ = 20_000


@dataclass(frozen=True)
class Topic:
    """The likeliest category, P of each, and the confidence in it, 0..1."""

    category: str
    p: Mapping[str, float]
    confidence: float


@dataclass(frozen=True)
class Triage:
    """What triage finds. `due_at` is in UTC, None without a limit; `message` is the author's own part with card and
    account numbers masked (`masked`); `legal` are the legal words of the raw message, quoted parts included."""

    category: str
    p: Mapping[str, float]
    priority: int
    due_at: dt.datetime | None
    references: References
    known: Known
    severity: Severity
    language: str | None
    message: CleanMessage
    masked: tuple[Finding, ...]
    legal: tuple[Match, ...]
    confidence: float
    proposals: tuple[Proposal, ...]
    escalations: tuple[Escalation, ...]
    outcome: str = "triaged"

    @property
    def duplicate_of(self) -> str | None:
        """The open ticket of the same customer that says the same."""
        return self.known.duplicate_of

    @property
    def incident(self) -> bool:
        """Whether unusually many customers have this problem now."""
        return self.known.incident


def triage(ticket: Ticket, history: TicketHistory, settings: TriageSettings) -> Triage:
    """All tools of the role in the order of its playbook."""
    clean = clean_message(ticket.message)
    language = detect_language(f"{ticket.subject}\n{clean.text}", settings.locale).language
    masked = mask_sensitive(clean.text)
    text = f"{ticket.subject}\n{masked.clean}".strip()
    orders = [*history.orders, *([ticket.order_id] if ticket.order_id else [])]
    references = find_references(text, dict.fromkeys(orders), settings.ids, locale=settings.locale)
    topic = classify_topic(text, history.confirmed, settings.topics, language, history.right())
    severity = _severity(text, ticket, settings, language)
    level = priority(severity.impact, severity.urgency)
    known = known_ticket(
        OpenTicket(ticket.id, ticket.customer_id, text, topic.category, ticket.received_at),
        history.open,
        rate=history.hourly_rate.get(topic.category),
        language=language,
    )
    legal = legal_words(f"{ticket.subject}\n{ticket.message}")
    return Triage(
        category=topic.category,
        p=topic.p,
        priority=level,
        due_at=due_at(
            level, ticket.received_at, settings.opening, hours=settings.sla_hours,
            country=settings.country, region=settings.region, closures=settings.closures,
        ),
        references=references,
        known=known,
        severity=severity,
        language=language,
        message=CleanMessage(str(masked.clean), clean.dropped, clean.kept_raw),
        masked=masked.findings,
        legal=legal,
        confidence=topic.confidence,
        proposals=_proposals(topic.category, known),
        escalations=_escalations(ticket, known),
    )  # fmt: skip


def classify_topic(
    text: str,
    confirmed: Sequence[Confirmed],
    topics: Topics,
    language: str | None = "en",
    right: tuple[int, int] = (0, 0),
) -> Topic:
    """The category of a message by naive Bayes over confirmed tickets and seed phrases of its language.

    `right` is (right, judged) of the last categories. Confidence is P of the top category, at most the lower Wilson
    bound of right ones, 0.5 while none was judged. A text without any known word is `other` with confidence 0.
    """
    seeds = topics.get(language or "", topics["en"])
    examples = [(one.text, one.category) for one in confirmed if one.category in seeds]
    model = train(examples, seeds, language or "en")
    if not model.known_words(text[:READ]):
        return Topic(OTHER, model.probabilities(""), 0.0)
    p = model.probabilities(text[:READ])
    category = max(p, key=lambda name: p[name])
    k, n = right
    return Topic(category, p, min(p[category], wilson(k, n)[0] if n else UNPROVEN))


def _severity(text: str, ticket: Ticket, settings: TriageSettings, language: str | None) -> Severity:
    today = ticket.received_at.astimezone(ZoneInfo(settings.opening.time_zone)).date()
    soon = working_days(today, 1, settings.country, settings.region, settings.closures)
    cues = CUES.get(language or "", CUES["en"]).plus(settings.cues)
    return impact_urgency(
        text,
        vip=ticket.vip_customer,
        today=today,
        soon=soon,
        language=language,
        cues=cues,
        locale=settings.locale,
    )


def _proposals(category: str, known: Known) -> tuple[Proposal, ...]:
    proposals = []
    if known.duplicate_of:
        why = "the same customer sent nearly the same words"
        proposals.append(Proposal("merge_ticket", {"into": known.duplicate_of}, why))
    if known.incident:
        why = f"{known.in_hour} customers with one problem in an hour"
        proposals.append(Proposal("open_incident", {"category": category, "tickets": list(known.cluster)}, why))
    return tuple(proposals)


def _escalations(ticket: Ticket, known: Known) -> tuple[Escalation, ...]:
    """Legal words of the subject that the message has not: those of the message have stopped the ticket by rule."""
    escalations = []
    judged = {match.word for match in legal_words(ticket.message)}
    if legal := [match for match in legal_words(ticket.subject) if match.word not in judged]:
        quoted = list(dict.fromkeys(match.found for match in legal))
        escalations.append(Escalation("legal_review_required", "subject", quoted, list(LEGAL_WORDS)))
    if known.incident:
        why = f"chance brings as many with p = {known.p:.3g}"
        escalations.append(Escalation("unusual_behavior_pattern", "tickets_in_hour", known.in_hour, why=why))
    return tuple(escalations)
