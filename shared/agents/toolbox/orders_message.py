"""The order_communicator's tools: which message is due, its words, and the way and time it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.agents.case import Case, Conclusion, Escalation, Proposal
from shared.agents.toolbox import orders_news
from shared.agents.toolbox.orders_case import plain
from shared.agents.toolbox.orders_wording import Wording, missing, wording
from shared.tools import order_messages as tools
from shared.tools import sms
from shared.tools.claims import Claims
from shared.tools.order_facts import message_confidence
from shared.tools.reading import Fields
from shared.tools.sensitive import mask_sensitive

NO_CLAIMS = Claims((), ())


def message_kind(case: Case) -> dict[str, Any]:
    """The message that is due: what happened, the order's state before and after, and the kind; null when nothing is
    news to the customer."""
    return {**plain(orders_news.news(case)), "kind": orders_news.kind_due(case)}


def already_said(case: Case) -> dict[str, Any] | None:
    """Whether this very message was said before, and the waiting ones that it replaces."""
    found: dict[str, Any] | None = plain(orders_news.said(case))
    return found


def order_facts(case: Case) -> list[dict[str, Any]]:
    """The only values that the message may hold, each with its source."""
    found: list[dict[str, Any]] = plain(orders_news.known_facts(case))
    return found


def delay_rights(case: Case) -> dict[str, Any] | None:
    """Whether the message must offer to cancel, and by which law; null when nothing is delayed."""
    found: dict[str, Any] | None = plain(orders_news.delay(case))
    return found


def render(case: Case) -> dict[str, Any] | None:
    """The text that goes; null when none is due, a fact is missing or there is no way to the customer."""
    words = wording(case)
    return None if words is None else {"locale": words.locale, "subject": words.subject, "body": words.body}


def check_claims(case: Case) -> dict[str, Any] | None:
    """The claims of the text (of a draft, where there is one), and what in it no fact supports."""
    words = wording(case)
    return None if words is None else {**plain(words.claims), "unsupported": list(words.unsupported)}


def sms_segments(case: Case) -> dict[str, Any] | None:
    """The parts that the text takes as an SMS; null for an e-mail."""
    way, words = orders_news.channel(case), wording(case)
    if way is None or way[0] != "sms" or words is None:
        return None
    found: dict[str, Any] = plain(sms.sms_segments(words.body))
    return found


def send_at(case: Case) -> dict[str, Any] | None:
    """When the message goes, by which way and to which address; null when there is no way to the customer."""
    way = orders_news.channel(case)
    if way is None:
        return None
    sources = Fields.of(case.data), Fields.of(case.settings, "settings")
    zone = next((found for one in sources if (found := one.maybe_text("time_zone"))), "UTC")
    return {"channel": way[0], "recipient": way[1], "send_at": tools.send_at(case.now, zone, way[0]).isoformat()}


def conclude_message(case: Case) -> Conclusion:
    """A message to send, nothing to say, or words that only a human may find."""
    words, kind, lacks = wording(case), orders_news.kind_due(case), missing(case)
    by_human = orders_news.news(case).after is None or bool(lacks)
    confidence = 1.0
    if kind is not None:
        confidence = message_confidence(kind, orders_news.known_facts(case), words.claims if words else NO_CLAIMS)
    return Conclusion(
        outcome="by_human" if by_human else "nothing" if words is None else "message",
        confidence=confidence,
        output=_output(case, kind, words, lacks),
        summary=_summary(case, kind, words, lacks),
        proposals=(_message(case, kind, words),) if words and kind else (),
        escalations=tuple(_escalations(case, words)),
    )


def _output(case: Case, kind: str | None, words: Wording | None, lacks: tuple[str, ...]) -> dict[str, Any]:
    offered, way = orders_news.delay(case), case.get("send_at")
    subject, body = _clean(words) if words else ("", "")
    return {
        "kind": kind,
        "channel": way["channel"] if way and words else None,
        "locale": words.locale if words else None,
        "subject": subject,
        "body": body,
        "send_at": way["send_at"] if way and words else None,
        "facts": case.get("order_facts"),
        "missing": list(lacks),
        "unsupported": list(words.unsupported) if words else [],
        "segments": case.get("sms_segments"),
        "must_offer_cancel": offered is not None and offered.must_offer_cancel,
    }


def _clean(words: Wording) -> tuple[str, str]:
    """Subject and body without anything that may not be sent in the clear."""
    clean = mask_sensitive({"subject": words.subject, "body": words.body}).clean
    return clean["subject"], clean["body"]


def _message(case: Case, kind: str, words: Wording) -> Proposal:
    said = orders_news.said(case)
    assert said is not None, "a kind that is due has a digest"
    subject, body = _clean(words)
    detail = {
        "about": orders_news.order_id(case),
        "kind": kind,
        "fingerprint": said.digest,
        "subject": subject,
        "body": body,
        "replaces": list(said.replaces),
        **case.get("send_at"),
    }
    return Proposal("send_message", detail, f"the customer does not know yet: {orders_news.news(case).happened}")


def _escalations(case: Case, words: Wording | None) -> Iterator[Escalation]:
    now, offered = orders_news.news(case), orders_news.delay(case)
    if now.refused:
        why = "a person finds the words for an order refused for fraud; the reason is never told"
        yield Escalation("fraud_risk_detected", "happened", now.happened, None, why)
    elif now.after is None:
        why = "what the customer is told of this, if anything, a person decides"
        yield Escalation("unusual_behavior_pattern", "happened", now.happened, None, why)
    if words is None:
        return
    if offered is not None and offered.must_offer_cancel:
        yield Escalation("legal_review_required", "must_offer_cancel", True, False, offered.reason)
    if words.unsupported:
        field = "draft" if case.draft.strip() else "body"
        why = "no fact of the order holds this, or nobody decided it"
        yield Escalation("legal_review_required", field, list(words.unsupported), [], why)


def _summary(case: Case, kind: str | None, words: Wording | None, lacks: tuple[str, ...]) -> str:
    now, way = orders_news.news(case), case.get("send_at")
    order = f"Order {orders_news.order_id(case)}"
    if now.after is None:
        return f"{order}: {now.happened}; a person decides what the customer is told."
    if kind is None:
        return f"{order}: the customer knows already ({now.happened})."
    if lacks:
        return f"{order}: the message ({kind}) cannot be written without {', '.join(lacks)}."
    if words is None or way is None:
        return f"{order}: the customer agreed to no way by which they can be reached ({kind})."
    source = "the draft" if words.own_words else "the template"
    unused = "; the draft was not used" if case.draft.strip() and not words.own_words else ""
    return f"{order}: {kind} by {way['channel']} in {words.locale}, from {source}{unused}."
