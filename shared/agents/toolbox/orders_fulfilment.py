"""The fulfilment_planner's tools: from where an order ships, in which parcels, by which service, by when.

Warehouses, boxes and services are the tenant's settings, else the order's own. `settings.deliveries` are past
deliveries [{service, country, promised, actual}], from which the confidence in a service comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.agents.case import Case, Conclusion, Escalation, Proposal
from shared.agents.toolbox.orders_case import in_currency, once, order_of
from shared.errors import Invalid
from shared.tools import fulfilment
from shared.tools.fulfilment import Plan
from shared.tools.fulfilment_reading import Order, Warehouse, read_order, read_warehouses
from shared.tools.geo import great_circle_km as km_between
from shared.tools.measures import texts
from shared.tools.reading import Fields


def available_to_promise(case: Case) -> dict[str, dict[str, int]]:
    """Units that each warehouse has free, for each article of the order: on hand less reserved."""
    skus = [line.sku for line in _order(case).lines]
    return {sku: {place.id: place.available.get(sku, 0) for place in _warehouses(case)} for sku in skus}


def great_circle_km(case: Case) -> dict[str, float | None]:
    """How far each warehouse is from the customer, in km as the crow flies; null where a place is not known."""
    there = _order(case).destination.point
    return {place.id: km_between(place.point, there) if place.point and there else None for place in _warehouses(case)}


def choose_sources(case: Case) -> dict[str, Any]:
    """Which warehouse ships how many units of what, at the least cost, and what none of them can."""
    return {"takes": _takes(case), "short": [vars(part) for part in _plan(case).short]}


def pack(case: Case) -> list[dict[str, Any]]:
    """The parcels of each shipment: the box of each and what is in it."""
    return _of_shipments(case, "warehouse", "parcels")


def billable_kg(case: Case) -> list[dict[str, Any]]:
    """The weight that is charged for each parcel by the service chosen; null where one is not known."""
    found = _of_shipments(case, "warehouse", "service", "parcels")
    return [{**one, "parcels": [parcel["billable_kg"] for parcel in one["parcels"]]} for one in found]


def delivery_window(case: Case) -> list[dict[str, Any]]:
    """The day on which each shipment leaves, and the days between which it arrives."""
    return _of_shipments(case, "warehouse", "service", "ships", "earliest", "latest")


def choose_service(case: Case) -> list[dict[str, Any]]:
    """The cheapest service that keeps the day promised, else the fastest, which is late."""
    return _of_shipments(case, "warehouse", "service", "cost", "late")


def conclude_fulfilment(case: Case) -> Conclusion:
    """The plan: shipments, what is short, the cost, the day, and what stands against sending it."""
    plan = _plan(case)
    output = plan.output()
    names = ("shipments", "short", "total_cost", "currency", "late", "customs_missing", "unknown")
    return Conclusion(
        outcome=plan.outcome,
        confidence=plan.confidence,
        output={name: output[name] for name in names},
        summary=_summary(plan),
        proposals=tuple(_proposals(case, plan)),
        escalations=tuple(_escalations(plan)),
    )


def _order(case: Case) -> Order:
    return read_order(order_of(case), case.now)


def _warehouses(case: Case) -> tuple[Warehouse, ...]:
    return read_warehouses(_at_hand(case, "warehouses"), {})


def _at_hand(case: Case, name: str) -> list[Any]:
    """A list of the tenant's settings, else of the order. Raises Invalid where neither has one: an order is not
    short because nobody said where its stock is."""
    for source in (Fields.of(case.settings, "settings"), Fields.of(case.data)):
        if found := source.objects(name):
            return [one.data for one in found]
    raise Invalid.field(f"settings.{name}", "must hold at least one: nothing says where and how orders ship")


def _plan(case: Case) -> Plan:
    return once(case, "plan", lambda: _planned(case))


def _planned(case: Case) -> Plan:
    """The plan from now on: an order that waited for its money or for a human is handed over today."""
    order, settings = order_of(case), Fields.of(case.settings, "settings")
    currency = Fields.of(order).text("currency")
    return fulfilment.plan(
        order,
        _at_hand(case, "warehouses"),
        _at_hand(case, "boxes"),
        _at_hand(case, "services"),
        ready_at=case.now,
        history=[delivery.data for delivery in settings.objects("deliveries")],
        embargo=texts(settings, "embargo"),
        convert=lambda price: in_currency(case, price, currency),
    )


def _takes(case: Case) -> list[dict[str, Any]]:
    """The units of each line that leave each warehouse."""
    lines = _order(case).lines
    return [
        {"warehouse": shipment.warehouse, "line": line, "sku": lines[line].sku, "units": units}
        for shipment in _plan(case).shipments
        for line, units in shipment.take
    ]


def _of_shipments(case: Case, *names: str) -> list[dict[str, Any]]:
    shipments: Any = _plan(case).output()["shipments"]
    return [{name: shipment[name] for name in names} for shipment in shipments]


def _summary(plan: Plan) -> str:
    output: Any = plan.output()
    shipments = output["shipments"]
    parcels = sum(len(shipment["parcels"]) for shipment in shipments)
    places = ", ".join(f"{one['warehouse']} by {one['service']}" for one in shipments) or "nowhere"
    cost = "at a cost not known" if plan.total_cost is None else f"for {plan.total_cost}"
    parts = [f"Order {plan.order_id} ships from {places} in {parcels} parcels {cost}"]
    if shipments:
        parts.append(f"arrives by {max(one['latest'] for one in shipments)}{' (late)' if plan.late else ''}")
    if plan.short:
        parts.append(f"{sum(part.units for part in plan.short)} units are short")
    if plan.customs_missing:
        parts.append(f"customs need {', '.join(plan.customs_missing)}")
    return f"{'; '.join(parts)}."


def _proposals(case: Case, plan: Plan) -> Iterator[Proposal]:
    output: Any = plan.output()
    details: dict[str, dict[str, Any]] = {
        "reserve_stock": {"units": _takes(case)},
        "create_shipment": {"shipments": output["shipments"]},
        "notify_delay": {"late": plan.late, "short": output["short"]},
    }
    for action in plan.proposes:
        yield Proposal(action, {"order_id": plan.order_id, **details[action]})


def _escalations(plan: Plan) -> Iterator[Escalation]:
    for finding in plan.findings:
        yield Escalation(finding.trigger, finding.field, finding.actual, finding.limit)
    if plan.customs_missing:
        why = "without them no customs declaration can be made and no shipment is created"
        yield Escalation("unusual_behavior_pattern", "customs_missing", list(plan.customs_missing), [], why)
