"""The ticket_triager's tools: each shows its part of one triage (`shared.tools.triage`).

The rules have judged the raw message before this role works, its legal words with them. So they are quoted here, and
stop a ticket again only where they stand in the subject, which no rule reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from shared.agents.case import Case, Conclusion
from shared.agents.toolbox.needs_support import Past
from shared.coordination.task_keys import keys_of
from shared.coordination.tickets import customer_of
from shared.tools.id_patterns import kept_ids
from shared.tools.known_ticket import HOUR, OpenTicket
from shared.tools.localised import locale_name
from shared.tools.reading import Fields
from shared.tools.ticket import Ticket, TicketHistory
from shared.tools.triage import Triage, triage
from shared.tools.triage_settings import TriageSettings

#: What is kept of a ticket's own words to compare later ones with; the comparison reads no more.
TEXT = 10_000
#: Opening hours of a tenant that names none (policy).
OPENING = {"opens": "09:00", "closes": "17:00"}
#: What a tenant's document says for all its departments; its part for support may say otherwise.
GENERAL = ("locale", "country", "region")


def clean_message(case: Case) -> dict[str, Any]:
    """The customer's own words without markup, quoted mail and signature, and what was left out; card and account
    numbers are masked."""
    message = triage_of(case).message
    dropped = [{"kind": part.kind, "characters": len(part.text)} for part in message.dropped]
    return {"text": message.text, "dropped": dropped, "kept_raw": message.kept_raw}


def detect_language(case: Case) -> dict[str, Any]:
    """The language of the message (ISO 639-1), null when it cannot be told."""
    return {"language": triage_of(case).language}


def mask_sensitive(case: Case) -> dict[str, Any]:
    """Card numbers, IBANs and verification codes that were masked in the message."""
    return {"findings": [asdict(finding) for finding in triage_of(case).masked]}


def find_references(case: Case) -> dict[str, list[str]]:
    """Orders (`order_ids` are this customer's, `unknown_orders` are not known to be), parcels, amounts, dates and
    error codes that the ticket names."""
    found = {name: list(values) for name, values in asdict(triage_of(case).references).items()}
    given = dict(keys_of(case.data)).get("order_id")
    if given:
        own = list(kept_ids([given], own_orders(case)))
        name, value = ("order_ids", own[0]) if own else ("unknown_orders", given)
        found[name] = list(dict.fromkeys([value, *found[name]]))
    return found


def classify_topic(case: Case) -> dict[str, Any]:
    """What the ticket is about, the probability of each category, and how sure that is."""
    found = triage_of(case)
    p = {name: round(value, 4) for name, value in found.p.items()}
    return {"category": found.category, "p": p, "confidence": round(found.confidence, 4)}


def impact_urgency(case: Case) -> dict[str, Any]:
    """Impact and urgency (high, medium or low), and the sentences that say so."""
    severity = triage_of(case).severity
    evidence = [asdict(one) for one in severity.evidence]
    return {"impact": severity.impact, "urgency": severity.urgency, "evidence": evidence}


def priority(case: Case) -> int:
    """1 (most urgent) to 5, from impact and urgency."""
    return triage_of(case).priority


def due_at(case: Case) -> str | None:
    """When the ticket must be answered (UTC) by the tenant's opening hours; null where there is no limit."""
    due = triage_of(case).due_at
    return due.isoformat() if due else None


def known_ticket(case: Case) -> dict[str, Any]:
    """Whether it is a second copy of an open ticket, which tickets have the same problem, and whether so many of
    them in an hour are an incident."""
    known = triage_of(case).known
    return {**asdict(known), "cluster": list(known.cluster)}


def conclude_triage(case: Case) -> Conclusion:
    """What the ticket is about, how urgent it is, whose it is, and whether it is already known."""
    found = triage_of(case)
    return Conclusion(
        outcome=found.outcome,
        confidence=found.confidence,
        output=triaged(case),
        summary=_summary(case, found),
        proposals=found.proposals,
        escalations=found.escalations,
    )


def triaged(case: Case) -> dict[str, Any]:
    """The typed output of the role."""
    found, topic, known = triage_of(case), classify_topic(case), known_ticket(case)
    return {
        "category": topic["category"],
        "p": topic["p"],
        **impact_urgency(case),
        "priority": found.priority,
        "due_at": due_at(case),
        "references": find_references(case),
        "duplicate_of": known["duplicate_of"],
        "cluster": known["cluster"],
        "incident": found.incident,
        "language": found.language,
        "legal_words": list(dict.fromkeys(match.found for match in found.legal)),
        "masked": mask_sensitive(case)["findings"],
        "customer": customer_of(case.data),
        "text": f"{_ticket(case).subject}\n{found.message.text}".strip()[:TEXT],
    }


def triage_of(case: Case) -> Triage:
    """The triage of the case, done once. Raises `Invalid` naming what cannot be read of ticket or settings."""
    if "triage" not in case.found:
        ticket, settings = _ticket(case), settings_of(case)
        case.found["triage"] = triage(ticket, _history(case, ticket, settings), settings)
    found: Triage = case.found["triage"]
    return found


def own_orders(case: Case) -> list[str]:
    """The ids of the customer's orders, newest first, as far as the tenant's own tasks know them."""
    if "own_orders" not in case.found:
        past: Past | None = case.history
        case.found["own_orders"] = list(past.tickets.orders_of(case.data)) if past else []
    orders: list[str] = case.found["own_orders"]
    return orders


def support_document(case: Case) -> dict[str, Any]:
    """The tenant's settings for support, with what holds for all its departments. Raises `Invalid`."""
    settings = Fields.of(case.settings, "settings")
    own = settings.maybe_object("support")
    return {name: settings.data.get(name) for name in GENERAL} | dict(own.data if own else {})


def settings_of(case: Case) -> TriageSettings:
    """How the tenant wants its tickets judged, in its own time zone unless its opening hours name another."""
    document = support_document(case)
    opening = Fields.of(document.get("opening") or {}, "settings.support.opening").data
    document["opening"] = OPENING | {"time_zone": case.settings.get("time_zone")} | dict(opening)
    settings = TriageSettings.read(document)
    return replace(settings, locale=customer_locale(case) or settings.locale)


def customer_locale(case: Case) -> str | None:
    """The locale that the ticket gives, None where it gives none that CLDR knows."""
    given = case.data.get("locale") or case.data.get("language")
    return locale_name(given) if isinstance(given, str) else None


def _ticket(case: Case) -> Ticket:
    # An order that the data names is somebody's claim, as one in the message is: `find_references` says whose it is.
    own = {"id": case.task_id, "customer_id": customer_of(case.data), "order_id": None}
    return Ticket.read({**case.data, **own}, case.now)


def _history(case: Case, ticket: Ticket, settings: TriageSettings) -> TicketHistory:
    if case.history is None:
        return TicketHistory()
    past: Past = case.history
    earlier = past.tickets.earlier(case.task_id, case.data, case.now)
    return TicketHistory(
        confirmed=past.tickets.confirmed(),
        open=earlier,
        hourly_rate=_rates(past, ticket.received_at, earlier, settings),
        orders=own_orders(case),
    )


def _rates(past: Past, at: datetime, earlier: Sequence[OpenTicket], settings: TriageSettings) -> Mapping[str, float]:
    """Asked for only where others wrote within the hour: one ticket alone is no incident."""
    if not any(timedelta(0) <= at - other.received_at <= HOUR for other in earlier):
        return {}
    usual = past.tickets.hourly_rate(at)
    return {} if usual is None else dict.fromkeys(settings.topics["en"], 0.0) | dict(usual)


def _summary(case: Case, found: Triage) -> str:
    due = due_at(case)
    parts = [
        f"About {found.category} (p {found.p[found.category]:.4f}), priority {found.priority}",
        f"to be answered by {due}" if due else "",
        f"order {', '.join(orders)}" if (orders := find_references(case)["order_ids"]) else "",
        f"a second copy of {found.duplicate_of}" if found.duplicate_of else "",
        f"{found.known.in_hour} customers with this problem in an hour" if found.incident else "",
    ]
    return f"{'; '.join(part for part in parts if part)}."
