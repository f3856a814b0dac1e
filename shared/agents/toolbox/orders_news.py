"""What is news about an order: what happened, what was said before, what may be said, and to whom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.agents.case import Case
from shared.agents.toolbox.orders_case import once, past_of
from shared.errors import Invalid
from shared.tools import delay_rights as rights
from shared.tools import order_facts as facts
from shared.tools import order_messages as tools
from shared.tools.delay_rights import DelayRights
from shared.tools.measures import day
from shared.tools.message_render import OFFERING_KINDS
from shared.tools.order_facts import Fact
from shared.tools.order_messages import Channel, Said
from shared.tools.reading import Fields

#: The roles before, the last first: what the last one found is what happened.
BEFORE = ("fulfilment_planner", "fraud_screener", "payment_validator")
#: Refused for fraud: what the customer is told then is worded by a human, and the reason is never told.
REFUSED = frozenset({"refused", "decline"})
#: The state in which a message of a kind has left an order.
STATE_OF = {kind: state for state, (kind, _) in tools.KINDS.items() if state != "placed"}
#: What a task's data may say beside the results of roles, when a shop's own system asks for a message.
TOLD = ("shipment", "delay", "refund")
LONGEST_ID, LONGEST_ADDRESS = 200, 320
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[0-9()][0-9()\s./-]{4,28}[0-9]")


@dataclass(frozen=True)
class News:
    """What happened, the order's state before (as the customer was told it) and after; `after` is None where the
    machine tells nothing."""

    happened: str
    before: str | None
    after: str | None
    refused: bool


def news(case: Case) -> News:
    """What happened to the order of a case."""
    return once(case, "news", lambda: _news(case))


def order_id(case: Case) -> str:
    """The order's id. Raises Invalid for one too long to be kept with a message."""
    text = Fields.of(case.data).text("order_id")
    if len(text) > LONGEST_ID:
        raise Invalid.field("order_id", f"must have at most {LONGEST_ID} characters")
    return text


def _news(case: Case) -> News:
    happened = _happened(case)
    advice = case.results.get("fraud_screener", {}).get("recommendation")
    if happened in REFUSED or (happened == "canceled" and advice == "decline"):
        return News(happened, _told(case), None, True)
    return News(happened, _told(case), tools.state_after(happened), False)


def _happened(case: Case) -> str:
    last = next((name for name in BEFORE if name in case.results), None)
    if last is None:
        return Fields.of(case.data).text("happened")
    result = case.results[last]
    outcome = str(result.get("outcome"))
    return "late" if outcome == "planned" and result.get("late") else outcome


def _told(case: Case) -> str | None:
    """The state that the last message about the order told, None when there was none."""
    kinds = [message["kind"] for message in _messages(case) if message["kind"] in STATE_OF]
    return STATE_OF[kinds[-1]] if kinds else None


def _messages(case: Case) -> list[Mapping[str, Any]]:
    past, about = past_of(case), order_id(case)
    return once(case, "messages", lambda: [] if past is None else list(past.messages_said(about)))


def delay(case: Case) -> DelayRights | None:
    """Whether a delay must offer to cancel; None when what happened is no delay."""
    return once(case, "delay", lambda: _delay(case))


def _delay(case: Case) -> DelayRights | None:
    after = news(case).after
    if after is None or tools.KINDS[after][0] not in OFFERING_KINDS:
        return None
    plan = Fields.of(case.results.get("fulfilment_planner") or {}, "fulfilment_planner")
    shipments = plan.objects("shipments")
    given = Fields.of(case.data).maybe_object("delay")
    new_date = given.data.get("new_date") if given else None
    if new_date is not None:
        return rights.delay_rights(case.data, day(new_date, "delay.new_date"))
    if plan.objects("short") or not shipments:
        return rights.delay_rights(case.data, None)
    arrives, leaves = (max(day(one.data.get(name), one.at(name)) for one in shipments) for name in ("latest", "ships"))
    return rights.delay_rights(case.data, arrives, new_ship_date=leaves)


def known_facts(case: Case) -> tuple[Fact, ...]:
    """The facts that a message may hold; none where the machine tells nothing."""
    return once(case, "facts", lambda: _facts(case))


def _facts(case: Case) -> tuple[Fact, ...]:
    if news(case).after is None:
        return ()
    offered = delay(case)
    told = {name: found for name in TOLD if (found := case.data.get(name)) is not None}
    results = {**told, **case.results}
    if offered is not None:
        results["delay_rights"] = {"must_offer_cancel": offered.must_offer_cancel}
    return facts.order_facts(case.data, results, tenant(case))


def tenant(case: Case) -> dict[str, Any]:
    """The sender's name and the support link of the tenant's settings."""
    settings = Fields.of(case.settings, "settings")
    sender = settings.data.get("sender")
    name = sender.get("name") if isinstance(sender, Mapping) else sender
    return {"sender": name, "support_link": settings.maybe_text("support_link")}


def said(case: Case) -> Said | None:
    """Whether the message that would be due was said already; None where no message would be."""
    after = news(case).after
    if after is None:
        return None
    kept = [
        {
            "id": message["id"],
            "order_id": order_id(case),
            "digest": message["fingerprint"],
            "status": "sent" if message["status"] == "sent" else "waiting",
        }
        for message in _messages(case)
    ]
    kind = tools.KINDS[after][0]
    return once(case, "said", lambda: tools.already_said(order_id(case), kind, known_facts(case), kept))


def kind_due(case: Case) -> str | None:
    """The kind of message that is due, None when nothing is news."""
    now, before = news(case), said(case)
    if now.after is None or before is None:
        return None
    return tools.message_kind(now.before, now.after, changed=not before.said)


def channel(case: Case) -> tuple[Channel, str] | None:
    """The way to the customer and the address, None when there is none.

    Without a word on consent an e-mail may go: messages about an order are part of the contract (GDPR art. 6(1)(b)).
    An SMS needs consent.
    """
    data = Fields.of(case.data)
    address = data.maybe_object("shipping_address")
    phone = data.maybe_text("phone") or (address.maybe_text("phone") if address else None)
    ways = {
        "email": _usable(data.maybe_text("email"), _EMAIL),
        "sms": _usable(phone, _PHONE),
    }
    consent = data.maybe_object("consent")
    agreed = {way: way == "email" if consent is None else consent.maybe_flag(way) is True for way in ways}
    way = tools.choose_channel(agreed, ways["email"], ways["sms"])
    return None if way is None else (way, str(ways[way]))


def _usable(address: str | None, form: re.Pattern[str]) -> str | None:
    return address if address and len(address) <= LONGEST_ADDRESS and form.fullmatch(address) else None
