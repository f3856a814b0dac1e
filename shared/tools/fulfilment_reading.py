"""The order, the warehouses, the boxes and the services as they come in, made into what planning works with.

Weights and lengths may be integers, floats or decimal text; whatever is wrong is Invalid with the field's
path.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.errors import Invalid
from shared.tools.customs import customs_area
from shared.tools.geo import Point
from shared.tools.measures import (
    at_least,
    country,
    days,
    maybe_day,
    maybe_measure,
    maybe_point,
    maybe_positive,
    maybe_size,
    positive,
    texts,
    time_of_day,
    zone,
)
from shared.tools.money import Money, money
from shared.tools.packing import Box, Item
from shared.tools.reading import Fields
from shared.tools.shipping import Calendar, Service
from shared.tools.sourcing_plan import available_to_promise

# More units than this in one order are freight: no parcel plan is made for them (policy).
MOST_UNITS = 5_000
Convert = Callable[[Money], Money | None]


@dataclass(frozen=True)
class Line:
    """An order line; `item` is one unit of it."""

    index: int
    sku: str
    quantity: int
    item: Item
    hs_code: str | None
    hazard: str | None
    has_value: bool

    @property
    def field(self) -> str:
        """Its path in the order."""
        return f"lines[{self.index}]"


@dataclass(frozen=True)
class Destination:
    """Where the order goes; `area` as customs see it."""

    country: str
    area: str
    region: str | None
    point: Point | None


@dataclass(frozen=True)
class Order:
    """What planning needs of an order; `ready_at` is when a warehouse gets it."""

    id: str
    currency: str
    lines: tuple[Line, ...]
    destination: Destination
    ready_at: dt.datetime
    promised_by: dt.date | None
    margin: Money | None


@dataclass(frozen=True)
class Warehouse:
    """A place of the tenant, with the units free to promise by sku."""

    id: str
    area: str
    calendar: Calendar
    point: Point | None
    available: Mapping[str, int]


def read_order(order: Mapping[str, object], ready_at: dt.datetime | None) -> Order:
    """`ready_at` (aware) overrides the order's own `placed_at`."""
    fields = Fields.of(order)
    currency = fields.text("currency")
    lines = tuple(_read_line(line, index) for index, line in enumerate(fields.objects("lines")))
    if not lines:
        raise Invalid.field("lines", "must hold at least one line")
    if sum(line.quantity for line in lines) > MOST_UNITS:
        raise Invalid.field("lines", f"hold more than {MOST_UNITS} units: plan them as freight")
    return Order(
        id=fields.text("order_id"),
        currency=currency,
        lines=lines,
        destination=_read_destination(fields.object("shipping_address")),
        ready_at=ready_at or fields.moment("placed_at"),
        promised_by=maybe_day(fields, "promised_by"),
        margin=_maybe_money(fields, "margin", currency),
    )


def read_warehouses(
    warehouses: Sequence[Mapping[str, object]], stock_facts: Mapping[str, Mapping[str, int]]
) -> tuple[Warehouse, ...]:
    """`stock_facts`: by warehouse id and sku, the most that may be promised."""
    read = tuple(
        _read_warehouse(Fields.of(warehouse, f"warehouses[{index}]"), stock_facts)
        for index, warehouse in enumerate(warehouses)
    )
    _check_distinct([warehouse.id for warehouse in read], "warehouses")
    return read


def read_boxes(boxes: Sequence[Mapping[str, object]]) -> tuple[Box, ...]:
    """[{id, inner_cm: [l, w, h], max_kg?}]"""
    read = []
    for index, box in enumerate(boxes):
        fields = Fields.of(box, f"boxes[{index}]")
        size = maybe_size(fields, "inner_cm")
        if size is None:
            raise Invalid.field(fields.at("inner_cm"), "must be three lengths above 0")
        read.append(Box(fields.text("id"), size, maybe_positive(fields, "max_kg")))
    _check_distinct([box.id for box in read], "boxes")
    return tuple(read)


def read_services(services: Sequence[Mapping[str, object]], currency: str, convert: Convert) -> tuple[Service, ...]:
    """Prices are in the service's own `currency`, if it has one; `convert` brings them into the order's."""
    read = tuple(
        _read_service(Fields.of(service, f"services[{index}]"), currency, convert)
        for index, service in enumerate(services)
    )
    _check_distinct([service.id for service in read], "services")
    return read


def normal_hazard(text: str) -> str:
    """UN numbers and class names in one spelling: "un 3480" is UN3480."""
    return re.sub(r"[\s-]", "", text).upper()


def _read_line(fields: Fields, index: int) -> Line:
    sku = fields.text("sku")
    hazard = fields.maybe_text("hazard")
    valued = ("value", "total_gross", "unit_price_net", "unit_price_gross")
    return Line(
        index=index,
        sku=sku,
        quantity=at_least(fields, "quantity", 1),
        item=Item(
            line=index,
            sku=sku,
            size_cm=maybe_size(fields, "size_cm"),
            weight_kg=maybe_measure(fields, "weight_kg"),
            this_way_up=fields.maybe_flag("this_way_up") or False,
        ),
        hs_code=fields.maybe_text("hs_code"),
        hazard=normal_hazard(hazard) if hazard else None,
        has_value=any(fields.maybe_decimal(name) is not None for name in valued),
    )


def _read_destination(fields: Fields) -> Destination:
    code = country(fields)
    area = customs_area(code, fields.maybe_text("postal_code"))
    return Destination(code, area, fields.maybe_text("region"), maybe_point(fields))


def _read_warehouse(fields: Fields, stock_facts: Mapping[str, Mapping[str, int]]) -> Warehouse:
    name, code = fields.text("id"), country(fields)
    stock, facts, path = fields.object("available").data, stock_facts.get(name, {}), fields.at("available")
    calendar = Calendar(
        country=code,
        region=fields.maybe_text("region"),
        time_zone=zone(fields),
        cut_off=time_of_day(fields, "cut_off"),
        handling_days=at_least(fields, "handling_days", 0),
        closures=days(fields, "closures"),
    )
    return Warehouse(
        id=name,
        area=customs_area(code, fields.maybe_text("postal_code")),
        calendar=calendar,
        point=maybe_point(fields),
        available={sku: available_to_promise(sku, stock, facts.get(sku), field=path) for sku in stock},
    )


def _read_service(fields: Fields, currency: str, convert: Convert) -> Service:
    own = fields.maybe_text("currency") or currency
    prices = [(positive(row, "up_to_kg"), _converted(row, own, convert)) for row in fields.objects("price_table")]
    if [up_to for up_to, _ in prices] != sorted({up_to for up_to, _ in prices}):
        raise Invalid.field(fields.at("price_table"), "must rise by up_to_kg")
    shortest = at_least(fields, "transit_min", 0)
    return Service(
        id=fields.text("id"),
        countries=frozenset(text.upper() for text in texts(fields, "countries")),
        max_kg=maybe_positive(fields, "max_kg"),
        divisor=maybe_positive(fields, "divisor"),
        step_kg=maybe_positive(fields, "step_kg"),
        prices=tuple(prices),
        transit_min=shortest,
        transit_max=at_least(fields, "transit_max", shortest),
        refuses=frozenset(normal_hazard(text) for text in texts(fields, "refuses")),
    )


def _converted(row: Fields, currency: str, convert: Convert) -> Money | None:
    """The price of a row in the order's currency, rounded there: it is what a parcel costs."""
    price = money(row.data.get("price"), currency, field=row.at("price"))
    if price.amount < 0:
        raise Invalid.field(row.at("price"), "must not be negative")
    converted = convert(price)
    return None if converted is None else converted.rounded()


def _maybe_money(fields: Fields, name: str, currency: str) -> Money | None:
    value = fields.data.get(name)
    return None if value is None else money(value, currency, field=fields.at(name), payable=False)


def _check_distinct(ids: Sequence[str], field: str) -> None:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise Invalid.field(f"{field}[{index}].id", f"{name} is there twice")
