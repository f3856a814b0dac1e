"""Which message an order's change calls for, whether it was told before, when and by which way it goes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import Invalid
from shared.tools.money import Money, money
from shared.tools.reading import Fields

Channel = Literal["email", "sms"]

# What happened, by the name that a role's outcome, a fact or a shop system gives it, and the state it puts
# the order in. None: nothing for the customer; a human decides what is said, if anything (overpaid,
# mismatch, review, decline).
STATE_AFTER: Mapping[str, str | None] = {
    "OrderPlaced": "placed",
    "unpaid": "awaiting_payment",
    "underpaid": "awaiting_payment",
    "overpaid": None,
    "mismatch": None,
    "paid": "confirmed",
    "authorised": "confirmed",
    "accept": "confirmed",
    "review": None,
    "decline": None,
    "planned": "confirmed",
    "short": "delayed",
    "late": "delayed",
    "partially_fulfilled": "partly_shipped",
    "fulfilled": "shipped",
    "canceled": "cancelled",
    "refunded": "refunded",
}

_BEFORE_SHIPPING = frozenset({None, "placed", "awaiting_payment", "confirmed", "delayed", "partly_shipped"})
# The state after: the kind of message, and the states before from which it is news. The receipt of an order
# is acknowledged without undue delay (Directive 2000/31/EC art. 11(1)) and confirmed on a durable medium
# (2011/83/EU art. 8(7)); what went out as payment_needed or delayed has acknowledged it as well.
KINDS: Mapping[str, tuple[str, frozenset[str | None]]] = {
    "placed": ("confirmation", frozenset({None})),
    "awaiting_payment": ("payment_needed", frozenset({None, "placed"})),
    "confirmed": ("confirmation", frozenset({None, "awaiting_payment"})),
    "delayed": ("delayed", _BEFORE_SHIPPING - {"delayed"}),
    "partly_shipped": ("partly_shipped", _BEFORE_SHIPPING - {"partly_shipped"}),
    "shipped": ("shipped", _BEFORE_SHIPPING),
    "cancelled": ("cancelled", _BEFORE_SHIPPING),
    "refunded": ("refunded", _BEFORE_SHIPPING | {"shipped", "cancelled"}),
}
# A second delay or a second parcel is news though the state has the same name.
REPEATABLE = frozenset({"delayed", "partly_shipped"})

# Local hours in which a text message may arrive: 47 CFR 64.1200(c)(1) forbids calls before 8 a.m. and after
# 9 p.m.; taken as a courtesy everywhere (policy).
SMS_FROM, SMS_UNTIL = dt.time(8), dt.time(21)


def state_after(happened: str) -> str | None:
    """The order's state after an outcome or event, None when the customer is told nothing by the machine."""
    if happened not in STATE_AFTER:
        raise Invalid.field("happened", f"must be one of {', '.join(STATE_AFTER)}")
    return STATE_AFTER[happened]


def message_kind(before: str | None, after: str, *, changed: bool = False) -> str | None:
    """The kind of message for a change of state; None when the state is the same, or the change no news.

    `before` is None for an order not seen yet. `changed`: the facts of a delay or of a part shipped are not
    those told before. Raises Invalid for a state that does not exist.
    """
    for name, state in (("before", before), ("after", after)):
        if state not in KINDS and not (name == "before" and state is None):
            raise Invalid.field(name, f"must be one of {', '.join(KINDS)}")
    kind, news_after = KINDS[after]
    again = before == after and after in REPEATABLE and changed
    return kind if before in news_after or again else None


@dataclass(frozen=True)
class Said:
    """A message's digest, whether it went out or waits already, and the waiting ones it replaces."""

    digest: str
    said: bool
    replaces: tuple[str, ...]


def already_said(
    order_id: str,
    kind: str,
    facts: Iterable[Mapping[str, object]],
    messages: Sequence[Mapping[str, object]] = (),
) -> Said:
    """Compare with the messages [{id, order_id, digest, status sent|waiting}] of before.

    The same digest is never sent twice; a message of the same order that waits and says something else is
    replaced. Raises Invalid naming `messages[1].status`.
    """
    digest = message_digest(order_id, kind, facts)
    said, replaces = False, []
    for index, message in enumerate(messages):
        fields = Fields.of(message, f"messages[{index}]")
        status = fields.text("status")
        if status not in ("sent", "waiting"):
            raise Invalid.field(fields.at("status"), "must be sent or waiting")
        if fields.text("order_id") != order_id:
            continue
        if fields.text("digest") == digest:
            said = True
        elif status == "waiting":
            replaces.append(fields.text("id"))
    return Said(digest, said, tuple(replaces))


def message_digest(order_id: str, kind: str, facts: Iterable[Mapping[str, object]]) -> str:
    """A SHA-256 of what is told; where a fact comes from and in which order they stand does not matter."""
    told = sorted((str(fact.get("key")), _canonical(fact.get("value"))) for fact in facts)
    text = json.dumps([order_id, kind, told], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def send_at(now: dt.datetime, zone: str, channel: Channel) -> dt.datetime:
    """When the message goes, in UTC: an e-mail at once, an SMS from 08:00 to 21:00 in the customer's zone.

    `now` is aware, `zone` an IANA name. Raises Invalid for an unknown zone or a time without offset.
    """
    if now.utcoffset() is None:
        raise Invalid.field("now", "must carry its offset from UTC")
    if channel == "email":
        return now.astimezone(dt.UTC)
    try:
        local = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid.field("zone", "must be an IANA time zone like Europe/Warsaw") from None
    if SMS_FROM <= local.time() <= SMS_UNTIL:
        return now.astimezone(dt.UTC)
    day = local.date() + dt.timedelta(days=local.time() > SMS_UNTIL)
    return dt.datetime.combine(day, SMS_FROM, local.tzinfo).astimezone(dt.UTC)


def choose_channel(
    consent: Mapping[str, bool], email: str | None, phone: str | None, preferred: Channel = "email"
) -> Channel | None:
    """The preferred way if the customer agreed to it and can be reached so, else the other one, else none."""
    ways: tuple[Channel, Channel] = ("email", "sms") if preferred == "email" else ("sms", "email")
    addresses = {"email": email, "sms": phone}
    return next((way for way in ways if consent.get(way) is True and addresses[way]), None)


def _canonical(value: object) -> str:
    """One text for one value, before and after JSON: money at its minor unit, dates as ISO 8601."""
    if isinstance(value, Mapping):
        value = money(value.get("amount"), str(value.get("currency")))
    if isinstance(value, Money):
        return str(value.rounded())
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)
