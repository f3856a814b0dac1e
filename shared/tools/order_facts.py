"""What a message about an order may say: each value with its key and where it comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

from shared.errors import Invalid
from shared.tools.measures import day
from shared.tools.money import Money, money
from shared.tools.reading import Fields

if TYPE_CHECKING:
    from shared.tools.claims import Claims

FactKind = Literal["text", "money", "date", "count", "flag"]
FactValue = str | int | Money | dt.date


class Fact(TypedDict):
    """One fact as `check_claims` reads it."""

    key: str
    value: FactValue
    source: str


# The facts that a template may name, and where each is looked for, in order.
_RULES: tuple[tuple[str, FactKind, tuple[str, ...]], ...] = (
    ("order_id", "text", ("order.order_id",)),
    ("name", "text", ("order.customer_name", "order.shipping_address.name")),
    ("shop", "text", ("tenant.sender",)),
    ("support_link", "text", ("tenant.support_link",)),
    ("total", "money", ("order.amount",)),
    ("amount_due", "money", ("payment_validator.amount_due",)),
    ("payment_link", "text", ("payment_validator.payment_link", "order.payment_link")),
    ("refund", "money", ("refund.amount",)),
    ("carrier", "text", ("shipment.carrier",)),
    ("tracking_number", "text", ("shipment.tracking_number",)),
    ("tracking_link", "text", ("shipment.tracking_link",)),
    ("shipped_count", "count", ("shipment.units",)),
    ("earliest", "date", ("shipment.earliest",)),
    ("latest", "date", ("shipment.latest",)),
    ("new_date", "date", ("delay.new_date",)),
    ("agreed_date", "date", ("order.promised_by",)),
    ("must_offer_cancel", "flag", ("delay_rights.must_offer_cancel",)),
)
FACT_KINDS: Mapping[str, FactKind] = {key: kind for key, kind, _ in _RULES} | {
    "item_count": "count",
    "short_count": "count",
}

# What a message of each kind cannot do without: of each row one fact at least.
REQUIRED_FACTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "confirmation": (("order_id",), ("total",)),
    "payment_needed": (("order_id",), ("amount_due",)),
    "shipped": (("order_id",), ("latest",)),
    "partly_shipped": (("order_id",), ("shipped_count", "short_count", "latest")),
    "delayed": (("order_id",), ("new_date", "short_count")),
    "cancelled": (("order_id",),),
    "refunded": (("order_id",), ("refund",)),
}
MESSAGE_KINDS = tuple(REQUIRED_FACTS)


def order_facts(
    order: Mapping[str, object],
    results: Mapping[str, Mapping[str, object]],
    tenant: Mapping[str, object] | None = None,
) -> tuple[Fact, ...]:
    """The facts known about an order, at most one of each key; what is not known has no fact.

    `results` by who said it: payment_validator {amount_due, payment_link}, fulfilment_planner (its output),
    shipment {carrier, tracking_number, tracking_link, units, earliest, latest}, delay {new_date}, refund
    {amount}, delay_rights {must_offer_cancel}. `tenant`: {sender, support_link}. An amount is in the
    `currency` beside it or in the order's. Raises Invalid naming a field that cannot be read.
    """
    roots = {"order": order, "tenant": tenant or {}, **results}
    facts = [fact for key, kind, paths in _RULES for fact in _found(key, kind, paths, roots)]
    known = {fact["key"] for fact in facts}
    return (*facts, *(fact for fact in _derived(roots) if fact["key"] not in known))


def missing_facts(kind: str, facts: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """What a message of that kind requires and has not: "new_date or short_count"."""
    known = {fact.get("key") for fact in facts}
    return tuple(" or ".join(row) for row in _required(kind) if not known.intersection(row))


def message_confidence(kind: str, facts: Sequence[Mapping[str, object]], claims: Claims) -> float:
    """(required facts known / required) x (supported claims / claims); no claims count as supported."""
    known = 1 - len(missing_facts(kind, facts)) / len(_required(kind))
    return known * (1 - len(claims.unsupported) / max(1, len(claims.claims)))


def _required(kind: str) -> tuple[tuple[str, ...], ...]:
    if kind not in REQUIRED_FACTS:
        raise Invalid.field("kind", f"must be one of {', '.join(MESSAGE_KINDS)}")
    return REQUIRED_FACTS[kind]


def _found(key: str, kind: FactKind, paths: Sequence[str], roots: Mapping[str, object]) -> list[Fact]:
    for path in paths:
        *parents, last = path.split(".")
        holder: object = roots
        for name in parents:
            holder = holder.get(name) if isinstance(holder, Mapping) else None
        value = holder.get(last) if isinstance(holder, Mapping) else None
        if value is not None and value != "":
            currency = _currency(holder, roots["order"])
            return [Fact(key=key, value=_read(value, kind, path, currency), source=path)]
    return []


def _currency(holder: object, order: object) -> object:
    own = holder.get("currency") if isinstance(holder, Mapping) else None
    return own or (order.get("currency") if isinstance(order, Mapping) else None)


def _read(value: object, kind: FactKind, path: str, currency: object) -> FactValue:
    match kind:
        case "money":
            return _read_money(value, path, currency)
        case "date":
            return day(value, path)
        case "count":
            return Fields({path: value}).integer(path)
        case "flag":
            return Fields({path: value}).flag(path)
        case "text":
            return Fields({path: value}).text(path)


def _read_money(value: object, path: str, currency: object) -> Money:
    if isinstance(value, Money):
        return value
    if isinstance(value, Mapping):
        currency = value.get("currency") or currency
        value = value.get("amount")
    if not isinstance(currency, str):
        raise Invalid.field(path, "has no currency")
    return money(value, currency, field=path)


def _derived(roots: Mapping[str, object]) -> list[Fact]:
    """What comes from lists: how many items are ordered, how many are short, and the days of delivery."""
    items = sum(line.integer("quantity") for line in Fields.of(roots["order"], "order").objects("lines"))
    plan = Fields.of(roots.get("fulfilment_planner") or {}, "fulfilment_planner")
    short = sum(part.integer("units") for part in plan.objects("short"))
    shipments = plan.objects("shipments")
    days = {name: [day(one.data.get(name), one.at(name)) for one in shipments] for name in ("earliest", "latest")}
    path = "fulfilment_planner.shipments"
    facts = [
        Fact(key="item_count", value=items, source="order.lines") if items else None,
        Fact(key="short_count", value=short, source="fulfilment_planner.short") if short else None,
    ]
    if shipments:
        last = max(days["latest"])
        facts += [
            Fact(key="earliest", value=min(days["earliest"]), source=path),
            Fact(key="latest", value=last, source=path),
            Fact(key="new_date", value=last, source=path) if plan.maybe_flag("late") else None,
        ]
    return [fact for fact in facts if fact is not None]
