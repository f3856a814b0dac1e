"""The words of a message about an order: the template's, or a model's draft where every word of it stands the check.

A draft that claims what no fact holds, or promises what nobody decided, is not sent, and neither is one that leaves
out what the message is for. The template's text goes in its place; it is what a human is asked to approve as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shared.agents.case import Case
from shared.agents.toolbox.orders_case import once, plain
from shared.agents.toolbox.orders_news import channel, delay, kind_due, known_facts, order_id, tenant
from shared.tools.claims import Claims, check_claims
from shared.tools.commitments import Allowed, check_commitments
from shared.tools.measures import texts
from shared.tools.message_render import render
from shared.tools.message_templates import read_templates
from shared.tools.money import Money
from shared.tools.order_facts import missing_facts
from shared.tools.reading import Fields

#: What a message of a kind may promise: it tells what was decided.
DECIDED = {"cancelled": ("refund", "cancel_order"), "refunded": ("refund",)}


@dataclass(frozen=True)
class Wording:
    """The text that goes. `claims` are those of the text that was checked, the draft's where there is one;
    `unsupported` are its words that may not be said; `own_words` tells that the text is the draft."""

    locale: str
    subject: str
    body: str
    claims: Claims
    unsupported: tuple[str, ...]
    own_words: bool


def missing(case: Case) -> tuple[str, ...]:
    """Facts that the message due cannot do without and that nobody knows."""
    kind = kind_due(case)
    return missing_facts(kind, known_facts(case)) if kind else ()


def wording(case: Case) -> Wording | None:
    """The message in words; None when none is due, a fact is missing or there is no way to the customer."""
    return once(case, "wording", lambda: _wording(case))


def _wording(case: Case) -> Wording | None:
    kind, way = kind_due(case), channel(case)
    if kind is None or way is None or missing(case):
        return None
    settings = Fields.of(case.settings, "settings")
    own = settings.maybe_object("order_templates")
    written = render(
        kind,
        Fields.of(case.data).maybe_text("locale"),
        known_facts(case),
        channel=way[0],
        templates=read_templates(own.data, own.path) if own else None,
        default_locale=settings.maybe_text("locale") or "en",
    )
    draft = case.draft.strip()
    checked = _check(case, draft or f"{written.subject}\n{written.body}", written.locale)
    unsupported = (
        *(claim.text for claim in checked.unsupported),
        *(_promises(case, kind, draft, written.locale) if draft else ()),
    )
    usable = bool(draft) and not unsupported and _says_it(case, kind, checked)
    body = draft if usable else written.body
    return Wording(written.locale, written.subject, body, checked, unsupported, usable)


def _check(case: Case, text: str, locale: str) -> Claims:
    settings = Fields.of(case.settings, "settings")
    hosts = {*texts(settings, "allowed_hosts"), *_own_host(case)}
    return check_claims(text, known_facts(case), locale=locale, allowed_hosts=sorted(hosts))


def _own_host(case: Case) -> Iterator[str]:
    """The host of the tenant's support link: the tenant's own settings name it."""
    link = tenant(case)["support_link"]
    try:
        host = urlsplit(link or "").hostname
    except ValueError:
        return
    if host:
        yield host


def _promises(case: Case, kind: str, draft: str, locale: str) -> Iterator[str]:
    """Sentences of a draft that bind the shop to something that was not decided."""
    refund = next((fact["value"] for fact in known_facts(case) if fact["key"] == "refund"), None)
    money = (refund.amount, refund.currency) if isinstance(refund, Money) else ()
    allowed = [Allowed(action, *(money if action == "refund" else ())) for action in DECIDED.get(kind, ())]
    for commitment in check_commitments(draft, allowed, locale=locale, ids=(order_id(case),)):
        yield f"{commitment.kind}: {commitment.text}"


def _says_it(case: Case, kind: str, claims: Claims) -> bool:
    """Whether a draft tells what a message of its kind is for; the duty to offer cancellation is the template's."""
    offered = delay(case)
    if offered is not None and offered.must_offer_cancel:
        return False
    known = {fact["key"]: plain(fact["value"]) for fact in known_facts(case)}
    told: list[Any] = [known[claim.fact] for claim in claims.claims if claim.fact in known]
    return not missing_facts(kind, [{"key": key} for key, value in known.items() if value in told])
