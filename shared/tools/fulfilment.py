"""The plan of an order: which places ship what, in which parcels, by which service, at what cost, by when."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.tools.fulfilment_reading import (
    Convert,
    Line,
    Order,
    read_boxes,
    read_order,
    read_services,
    read_warehouses,
)
from shared.tools.money import Money
from shared.tools.packing import Parcel
from shared.tools.shipping import on_time_confidence, on_time_record
from shared.tools.shipping_desk import Shipment, ShippingDesk, Short, total_cost
from shared.tools.tables.territories import CUSTOMS_UNIONS


@dataclass(frozen=True)
class Finding:
    """A rule that sends the plan to a human, with the field, its value and the limit."""

    trigger: Literal["potential_policy_violation", "high_value_transaction"]
    field: str
    actual: str
    limit: str


@dataclass(frozen=True)
class Plan:
    """The fulfilment planner's result.

    `total_cost` is None while a price, a weight or a size is unknown; `unknown` names what is missing by
    path; `customs_missing` likewise what a customs declaration lacks. `confidence` is 0 to 1.
    """

    order_id: str
    currency: str
    shipments: tuple[Shipment, ...]
    short: tuple[Short, ...]
    total_cost: Money | None
    late: bool
    customs_missing: tuple[str, ...]
    findings: tuple[Finding, ...]
    unknown: tuple[str, ...]
    confidence: float

    @property
    def outcome(self) -> Literal["planned", "short"]:
        """`short` when anything of the order does not ship."""
        return "short" if self.short else "planned"

    @property
    def proposes(self) -> tuple[str, ...]:
        """The actions that follow; no shipment is created on a finding or without its customs data."""
        proposed = []
        if self.shipments:
            proposed.append("reserve_stock")
            if not self.findings and not self.customs_missing:
                proposed.append("create_shipment")
        if self.late or self.short:
            proposed.append("notify_delay")
        return tuple(proposed)

    def output(self) -> dict[str, object]:
        """The result as the role hands it over: JSON values only, decimals and dates as text."""
        return {
            "shipments": [_shipment_output(shipment) for shipment in self.shipments],
            "short": [vars(part) for part in self.short],
            "total_cost": _amount(self.total_cost),
            "currency": self.currency,
            "late": self.late,
            "customs_missing": [*self.customs_missing],
            "findings": [vars(finding) for finding in self.findings],
            "unknown": [*self.unknown],
            "proposes": [*self.proposes],
            "outcome": self.outcome,
        }


def plan(
    order: Mapping[str, object],
    warehouses: Sequence[Mapping[str, object]],
    boxes: Sequence[Mapping[str, object]],
    services: Sequence[Mapping[str, object]],
    *,
    ready_at: dt.datetime | None = None,
    history: Sequence[Mapping[str, object]] = (),
    stock_facts: Mapping[str, Mapping[str, int]] | None = None,
    embargo: Collection[str] = (),
    customs_unions: Sequence[Collection[str]] = CUSTOMS_UNIONS,
    convert: Convert | None = None,
) -> Plan:
    """Plan the fulfilment of one order.

    order: {order_id, currency, placed_at, lines [{sku, quantity, weight_kg, size_cm [l, w, h], this_way_up,
    hs_code, hazard, unit_price_net or value}], shipping_address {country, postal_code, lat, lon},
    promised_by, margin}. warehouses: [{id, country, region, lat, lon, cut_off "15:00", time_zone,
    handling_days, closures, available {sku: units or {on_hand, reserved}}}]. boxes: [{id, inner_cm [l, w,
    h], max_kg}]. services: [{id, countries, max_kg, divisor, step_kg, price_table [{up_to_kg, price}],
    currency, transit_min, transit_max, refuses [hazards]}].

    `ready_at` (aware) is when the warehouses get the order, if not when it was placed; `history` past
    deliveries [{service, country, promised, actual}]; `stock_facts` the last known units by warehouse and
    sku, which are never exceeded; `embargo` the countries that the tenant does not ship to; `convert`
    brings a price into the order's currency or says None. Raises Invalid naming the field.
    """
    read = read_order(order, ready_at)
    desk = ShippingDesk(
        read,
        read_warehouses(warehouses, stock_facts or {}),
        read_boxes(boxes),
        read_services(services, read.currency, convert or _same_currency(read.currency)),
    )
    sources = desk.choose()
    shipments = desk.shipments(sources)
    cost = total_cost(shipments, read.currency)
    short = tuple(part for line in read.lines for part in desk.short_parts(line, sources.short.get(line.index, 0)))
    return Plan(
        order_id=read.id,
        currency=read.currency,
        shipments=shipments,
        short=short,
        total_cost=cost,
        late=any(shipment.late for shipment in shipments),
        customs_missing=desk.customs_missing(shipments, customs_unions),
        findings=(*_embargo(read, embargo), *_hazards(read, short), *_over_margin(read, cost)),
        unknown=tuple(path for line in read.lines for path in _unmeasured(line)),
        confidence=_confidence(read, shipments, history),
    )


def _same_currency(currency: str) -> Convert:
    return lambda price: price if price.currency == currency else None


def _embargo(order: Order, embargo: Collection[str]) -> list[Finding]:
    country = order.destination.country
    if country not in {code.upper() for code in embargo}:
        return []
    limit = "a country on the embargo list"
    return [Finding("potential_policy_violation", "shipping_address.country", country, limit)]


def _hazards(order: Order, short: Sequence[Short]) -> list[Finding]:
    refused = [order.lines[part.line] for part in short if part.reason == "hazard"]
    limit = "refused by every service that goes there"
    return [Finding("potential_policy_violation", f"{line.field}.hazard", line.hazard or "", limit) for line in refused]


def _over_margin(order: Order, cost: Money | None) -> list[Finding]:
    if order.margin is None or cost is None or cost <= order.margin:
        return []
    return [Finding("high_value_transaction", "total_cost", str(cost), f"the order's margin, {order.margin}")]


def _unmeasured(line: Line) -> list[str]:
    missing = [] if line.item.size_cm else [f"{line.field}.size_cm"]
    return missing if line.item.weight_kg else [*missing, f"{line.field}.weight_kg"]


def _confidence(order: Order, shipments: Sequence[Shipment], history: Sequence[Mapping[str, object]]) -> float:
    """Share of lines measured x the least bound of on-time deliveries among the services used."""
    measured = Counter(line.item.measured for line in order.lines)[True] / len(order.lines)
    country = order.destination.country
    used = {shipment.offer.service.id for shipment in shipments}
    bounds = [on_time_confidence(*on_time_record(history, service, country)) for service in sorted(used)]
    return measured * min(bounds, default=on_time_confidence(0, 0))


def _shipment_output(shipment: Shipment) -> dict[str, object]:
    offer = shipment.offer
    return {
        "warehouse": shipment.warehouse,
        "service": offer.service.id,
        "parcels": [
            {"box": parcel.box, "lines": _contents(parcel), "billable_kg": None if kg is None else f"{kg:f}"}
            for parcel, kg in zip(offer.parcels, offer.billable, strict=True)
        ],
        "cost": _amount(offer.cost),
        "ships": offer.window.ships.isoformat(),
        "earliest": offer.window.earliest.isoformat(),
        "latest": offer.window.latest.isoformat(),
        "late": shipment.late,
    }


def _contents(parcel: Parcel) -> list[dict[str, object]]:
    units = Counter((item.line, item.sku) for item in parcel.items)
    return [{"line": line, "sku": sku, "units": count} for (line, sku), count in sorted(units.items())]


def _amount(cost: Money | None) -> str | None:
    return None if cost is None else f"{cost.amount:f}"
