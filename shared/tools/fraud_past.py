"""The history of a new order, counted from a tenant's earlier orders."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.tools.fraud_history import Activity, History
from shared.tools.fraud_weights import FEWEST_AMOUNTS, Record, SignalCounts
from shared.tools.reading import Fields
from shared.tools.totals import order_amount

SETTLED_AFTER = dt.timedelta(days=120)  # a cardholder disputes within 120 days (Visa dispute condition 10.4)
MONTH = dt.timedelta(days=30)
WINDOWS = {"1h": dt.timedelta(hours=1), "24h": dt.timedelta(hours=24), "30d": MONTH}
ENOUGH_OWN_ORDERS = 5


@dataclass(frozen=True)
class PastOrder:
    """An earlier order. `fraud` is its label: charged back or confirmed; `signals` those that stood on it."""

    order_id: str
    placed_at: dt.datetime
    amount: Decimal
    currency: str
    customer_id: str | None = None
    email: str | None = None
    card: str | None = None
    device: str | None = None
    address: str | None = None
    largest_quantity: int = 1
    paid: bool = False
    fraud: bool = False
    signals: frozenset[str] = frozenset()


def order_keys(order: Mapping[str, object]) -> dict[str, str]:
    """What ties orders together: e-mail, card_fingerprint, device_id, shipping address, where given."""
    fields = Fields.of(order)
    email = fields.maybe_text("email")
    keys = {
        "email": email.casefold() if email else None,
        "card": fields.maybe_text("card_fingerprint"),
        "device": fields.maybe_text("device_id"),
        "address": _address(fields.maybe_object("shipping_address")),
    }
    return {name: value for name, value in keys.items() if value}


def summarise(order: Mapping[str, object], past: Iterable[PastOrder], at: dt.datetime) -> History:
    """The history of an order placed at a moment (aware), from a tenant's earlier orders; later ones are left
    out, and so is the order itself when it is stored already."""
    fields = Fields.of(order)
    own_id, currency = fields.maybe_text("order_id"), order_amount(order).currency
    earlier = [seen for seen in past if seen.placed_at <= at and seen.order_id != own_id]
    keys = order_keys(order)
    own = _own(earlier, fields.maybe_text("customer_id"), keys.get("email"))
    settled = [seen for seen in earlier if seen.fraud or at - seen.placed_at > SETTLED_AFTER]
    return History(
        tenant=_record(settled),
        customer=_record([seen for seen in settled if seen in own]),
        paid_before=any(seen.paid for seen in own),
        signals=_signal_counts(settled),
        activity=tuple(
            _orders_in(earlier, key, value, window, at) for key, value in keys.items() for window in WINDOWS
        ),
        links=tuple(
            _emails_on(earlier, key, value, keys.get("email"), at) for key, value in keys.items() if key != "email"
        ),
        amounts=tuple(seen.amount for seen in _enough(own, earlier) if seen.currency == currency),
        quantities=tuple(seen.largest_quantity for seen in _enough(own, earlier)),
    )


def _own(earlier: Sequence[PastOrder], customer: str | None, email: str | None) -> list[PastOrder]:
    return [
        seen
        for seen in earlier
        if (customer is not None and seen.customer_id == customer) or (email is not None and seen.email == email)
    ]


def _enough(own: list[PastOrder], earlier: list[PastOrder]) -> list[PastOrder]:
    """The customer's own orders when there are enough to compare with, else the tenant's."""
    return own if len(own) >= FEWEST_AMOUNTS else earlier


def _record(orders: list[PastOrder]) -> Record:
    return Record(len(orders), sum(seen.fraud for seen in orders))


def _signal_counts(settled: list[PastOrder]) -> dict[str, SignalCounts]:
    frauds = sum(seen.fraud for seen in settled)
    hits: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for seen in settled:
        for signal in seen.signals:
            hits[signal][seen.fraud] += 1
    return {
        signal: SignalCounts(on_fraud, frauds, on_good, len(settled) - frauds)
        for signal, (on_good, on_fraud) in hits.items()
    }


def _orders_in(earlier: list[PastOrder], key: str, value: str, window: str, at: dt.datetime) -> Activity:
    length = WINDOWS[window]
    same = [seen for seen in earlier if getattr(seen, key) == value]
    count = sum(at - seen.placed_at < length for seen in same)
    if len(same) >= ENOUGH_OWN_ORDERS:
        span = max(at - min(seen.placed_at for seen in same), length)
        return Activity(key, window, count, len(same) * (length / span))
    return Activity(key, window, count, _tenant_rate(earlier, key, length, at))


def _tenant_rate(earlier: list[PastOrder], key: str, length: dt.timedelta, at: dt.datetime) -> float | None:
    """Orders in a window per key that was active in the last 30 days."""
    values = [getattr(seen, key) for seen in earlier if at - seen.placed_at < MONTH and getattr(seen, key)]
    return len(values) / len(set(values)) * (length / MONTH) if values else None


def _emails_on(earlier: list[PastOrder], key: str, value: str, email: str | None, at: dt.datetime) -> Activity:
    """Distinct e-mail addresses on one card, device or address in 30 days."""
    emails: dict[str, set[str]] = defaultdict(set)
    for seen in earlier:
        if at - seen.placed_at < MONTH and seen.email and (held := getattr(seen, key)):
            emails[held].add(seen.email)
    rate = sum(map(len, emails.values())) / len(emails) if emails else None
    here = emails[value] | ({email} if email else set())
    return Activity(key, "30d", len(here), rate)


def _address(address: Fields | None) -> str | None:
    if address is None:
        return None
    parts = [address.maybe_text(name) for name in ("street", "postal_code", "country")]
    return "|".join(" ".join(part.casefold().split()) for part in parts if part) if all(parts) else None
