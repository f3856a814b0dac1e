"""What the warehouses, boxes and services at hand can do for one order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from shared.errors import Invalid
from shared.tools.customs import crosses_customs, missing_for_customs
from shared.tools.fulfilment_reading import Line, Order, Warehouse
from shared.tools.geo import great_circle_km
from shared.tools.money import Money, total
from shared.tools.packing import Box, Parcel, pack
from shared.tools.shipping import (
    Choice,
    Offer,
    Service,
    Window,
    choose_service,
    delivery_window,
    make_offer,
)
from shared.tools.sourcing_plan import Need, Place, Quote, Sources, Take, choose_sources
from shared.tools.working_time import working_days


@dataclass(frozen=True)
class Shipment:
    """What leaves one warehouse by one service: the units of each line (by its index) and the offer taken."""

    warehouse: str
    take: Take
    offer: Offer
    late: bool


@dataclass(frozen=True)
class Short:
    """Units that do not ship, and why: no stock, no service goes there, or none that takes the hazard."""

    line: int
    sku: str
    units: int
    reason: Literal["stock", "no_service", "hazard"]


class ShippingDesk:
    """One order with all that is at hand for it; remembers packings and windows, which are asked often."""

    def __init__(
        self, order: Order, warehouses: Sequence[Warehouse], boxes: Sequence[Box], services: Sequence[Service]
    ) -> None:
        self.order = order
        self.warehouses = {warehouse.id: warehouse for warehouse in warehouses}
        self.boxes = boxes
        self.services = services
        self._region = _known_region(order)
        self._packed: dict[tuple[Take, tuple[str, ...], Decimal | None], tuple[Parcel, ...]] = {}
        self._windows: dict[tuple[str, str], Window] = {}

    def choose(self) -> Sources:
        needs = [Need(line.index, line.sku, line.quantity) for line in self.order.lines]
        places = [Place(one.id, one.available, self._km(one)) for one in self.warehouses.values()]
        return choose_sources(needs, places, self._quote)

    def shipments(self, sources: Sources) -> tuple[Shipment, ...]:
        return tuple(
            shipment for place in sorted(sources.takes) for shipment in self._ship(place, sources.takes[place])
        )

    def short_parts(self, line: Line, units: int) -> list[Short]:
        """First what no stock is there for, then what stock there is without a way to the customer."""
        if not units:
            return []
        wanted = sum(one.quantity for one in self.order.lines if one.sku == line.sku)
        stock = sum(warehouse.available.get(line.sku, 0) for warehouse in self.warehouses.values())
        lacking = min(units, max(0, wanted - stock))
        reason: Literal["no_service", "hazard"] = "hazard" if self._only_its_hazard(line) else "no_service"
        parts = [Short(line.index, line.sku, lacking, "stock")] if lacking else []
        return [*parts, Short(line.index, line.sku, units - lacking, reason)] if units > lacking else parts

    def customs_missing(self, shipments: Sequence[Shipment], unions: Sequence[Collection[str]]) -> tuple[str, ...]:
        crossing = {
            line
            for shipment in shipments
            if crosses_customs(self.warehouses[shipment.warehouse].area, self.order.destination.area, unions)
            for line, _ in shipment.take
        }
        lines = [self.order.lines[index] for index in sorted(crossing)]
        return tuple(path for line in lines for path in missing_for_customs(line, line.field))

    def _quote(self, place: str, take: Take) -> Quote | None:
        shipments = self._ship(place, take)
        if not shipments:
            return None
        cost = total_cost(shipments, self.order.currency)
        late = any(shipment.late for shipment in shipments)
        return Quote(cost.amount if cost else None, len(shipments), late)

    def _ship(self, place: str, take: Take) -> tuple[Shipment, ...]:
        """All in one shipment, or line by line where no service takes all; nothing if one cannot go."""
        choice = self._choose_service(place, take)
        if choice:
            return (Shipment(place, take, choice.offer, choice.late),)
        if len(take) == 1:
            return ()
        alone = [self._ship(place, (part,)) for part in take]
        return tuple(shipment for one in alone for shipment in one) if all(alone) else ()

    def _choose_service(self, place: str, take: Take) -> Choice | None:
        hazards = {hazard for line, _ in take for hazard in (self.order.lines[line].hazard,) if hazard}
        offers = [
            make_offer(service, self._window(place, service), self._parcels(take, service))
            for service in self.services
            if service.carries(self.order.destination.country, hazards)
        ]
        return choose_service([offer for offer in offers if offer], self.order.promised_by)

    def _parcels(self, take: Take, service: Service) -> tuple[Parcel, ...]:
        boxes = [box for box in self.boxes if service.allows(box)]
        key = (take, tuple(box.id for box in boxes), service.heaviest_kg)
        if key not in self._packed:
            items = [self.order.lines[line].item for line, units in take for _ in range(units)]
            self._packed[key] = pack(items, boxes, max_kg=service.heaviest_kg)
        return self._packed[key]

    def _window(self, place: str, service: Service) -> Window:
        key = (place, service.id)
        if key not in self._windows:
            calendar, country = self.warehouses[place].calendar, self.order.destination.country
            self._windows[key] = delivery_window(self.order.ready_at, calendar, service, country, self._region)
        return self._windows[key]

    def _km(self, warehouse: Warehouse) -> float | None:
        here, there = warehouse.point, self.order.destination.point
        return great_circle_km(here, there) if here and there else None

    def _only_its_hazard(self, line: Line) -> bool:
        country = self.order.destination.country
        going = [service for service in self.services if service.carries(country)]
        return bool(line.hazard and going) and not any(
            service.carries(country, [line.hazard]) for service in going if line.hazard
        )


def total_cost(shipments: Sequence[Shipment], currency: str) -> Money | None:
    """The sum of what the shipments cost; None while one of them is not known."""
    costs = [shipment.offer.cost for shipment in shipments]
    known = [cost for cost in costs if cost is not None]
    return total(known, currency) if len(known) == len(costs) else None


def _known_region(order: Order) -> str | None:
    """The region of the address if the calendar of holidays knows it; addresses spell it in many ways."""
    country, region = order.destination.country, order.destination.region
    if region is None:
        return None
    try:
        working_days(order.ready_at.date(), 0, country, region)
    except Invalid:
        return None
    return region
