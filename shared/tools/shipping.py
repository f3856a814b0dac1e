"""What a carrier charges for a parcel, when it arrives, and which service to take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from zoneinfo import ZoneInfo

from shared.tools.measures import day
from shared.tools.money import Money, total
from shared.tools.packing import Box, Parcel, Size
from shared.tools.reading import Fields
from shared.tools.statistics import wilson
from shared.tools.working_time import working_days

ANY_HAZARD = "*"
# Half: a service of which nothing is known keeps or breaks its promise with equal chances (policy).
ON_TIME_WITHOUT_HISTORY = 0.5


@dataclass(frozen=True)
class Service:
    """A carrier's service.

    `countries` empty: all. `divisor` in cm3 per kg (None: the volume costs nothing); billed weight is rounded
    up to `step_kg` (None: not). `prices` by rising weight: up to so many kg, so much a parcel (None: a price
    in a currency that cannot be converted); heavier than the last is not carried; without any, prices are
    not known. Transit in working days of the destination. `refuses`: hazards, such as UN3480, or "*" for any.
    """

    id: str
    prices: tuple[tuple[Decimal, Money | None], ...]
    transit_min: int
    transit_max: int
    countries: frozenset[str] = frozenset()
    max_kg: Decimal | None = None
    divisor: Decimal | None = None
    step_kg: Decimal | None = None
    refuses: frozenset[str] = frozenset()

    @property
    def heaviest_kg(self) -> Decimal | None:
        """The most that a parcel may weigh, by its limit and by its price table; None for any weight."""
        last = self.prices[-1][0] if self.prices else None
        if last is not None and self.step_kg is not None:
            last = (last / self.step_kg).to_integral_value(ROUND_FLOOR) * self.step_kg
        return min((limit for limit in (last, self.max_kg) if limit is not None), default=None)

    def carries(self, country: str, hazards: Iterable[str] = ()) -> bool:
        """Whether it goes to that country with such goods on board."""
        refused = any(ANY_HAZARD in self.refuses or hazard in self.refuses for hazard in hazards)
        return not refused and (not self.countries or country in self.countries)

    def allows(self, box: Box) -> bool:
        """Whether a parcel of that size is on its price table, which its volume alone may exceed."""
        if not self.prices or self.divisor is None:
            return True
        return _stepped(_volumetric_kg(box.inner_cm, self.divisor), self) <= self.prices[-1][0]


@dataclass(frozen=True)
class Calendar:
    """Where and when a warehouse works: a day's work is accepted before `cut_off` by its own clock."""

    country: str
    time_zone: ZoneInfo
    cut_off: dt.time
    handling_days: int
    region: str | None = None
    closures: frozenset[dt.date] = frozenset()


@dataclass(frozen=True)
class Window:
    """The days on which a warehouse accepts and ships an order, and between which it arrives."""

    accepted: dt.date
    ships: dt.date
    earliest: dt.date
    latest: dt.date


@dataclass(frozen=True)
class Offer:
    """A service with the parcels as it would take them: `billable` and `cost` are None where a size or a
    weight is not known, or a price cannot be converted."""

    service: Service
    window: Window
    parcels: tuple[Parcel, ...]
    billable: tuple[Decimal | None, ...]
    cost: Money | None


@dataclass(frozen=True)
class Choice:
    """The offer taken; `late` when its last day is after the day promised."""

    offer: Offer
    late: bool


def billable_kg(parcel: Parcel, service: Service) -> Decimal | None:
    """The weight that is charged: max(weight, l w h / divisor), rounded up to the service's step.

    The divisor is the service's own (DHL Express 5000 cm3/kg, air cargo by IATA 6000). None when the
    weight, or the size that the service bills by, is not known.
    """
    if parcel.weight_kg is None:
        return None
    if service.divisor is None:
        return _stepped(parcel.weight_kg, service)
    if parcel.size_cm is None:
        return None
    return _stepped(max(parcel.weight_kg, _volumetric_kg(parcel.size_cm, service.divisor)), service)


def make_offer(service: Service, window: Window, parcels: Sequence[Parcel]) -> Offer | None:
    """Price the parcels; None when one of them is heavier than the service carries."""
    billable = tuple(billable_kg(parcel, service) for parcel in parcels)
    weights = [weight for parcel in parcels for weight in (parcel.weight_kg,) if weight is not None]
    if service.max_kg is not None and any(weight > service.max_kg for weight in weights):
        return None
    if service.prices and any(charged > service.prices[-1][0] for charged in billable if charged is not None):
        return None
    return Offer(service, window, tuple(parcels), billable, _sum([_price_of(service, kg) for kg in billable]))


def choose_service(offers: Iterable[Offer], promised_by: dt.date | None = None) -> Choice | None:
    """The cheapest offer that arrives by the day promised, else the fastest, marked late.

    None without offers. An offer whose cost is not known comes after those whose is. Equal costs: the
    earlier day, then the id.
    """
    offers = sorted(offers, key=lambda offer: offer.service.id)
    in_time = [offer for offer in offers if promised_by is None or offer.window.latest <= promised_by]
    if in_time:
        return Choice(min(in_time, key=lambda offer: (*_cost_rank(offer), *_days(offer))), late=False)
    if offers:
        return Choice(min(offers, key=lambda offer: (_days(offer), *_cost_rank(offer))), late=True)
    return None


def delivery_window(
    placed_at: dt.datetime, warehouse: Calendar, service: Service, country: str, region: str | None = None
) -> Window:
    """When an order placed at that moment (aware) ships, and the days between which it arrives.

    Accepted the same day when the warehouse works on it and the cut-off by its clock is still ahead, else
    on its next working day; ships `handling_days` working days later; arrives transit_min to transit_max
    working days of the destination (`country`, and `region` where it has holidays of its own) after that.
    """
    local = placed_at.astimezone(warehouse.time_zone)
    first = local.date() if local.time() < warehouse.cut_off else local.date() + dt.timedelta(days=1)
    here = (warehouse.country, warehouse.region, warehouse.closures)
    accepted = working_days(first, 0, *here)
    ships = working_days(accepted, warehouse.handling_days, *here)
    earliest, latest = (_arrives(ships, days, country, region) for days in (service.transit_min, service.transit_max))
    return Window(accepted, ships, earliest, latest)


def on_time_record(
    history: Iterable[Mapping[str, object]], service: str, country: str, *, field: str = "history"
) -> tuple[int, int]:
    """(on time, all) of past deliveries [{service, country, promised, actual}], the two dates ISO 8601."""
    kept = counted = 0
    for index, delivery in enumerate(history):
        fields = Fields.of(delivery, f"{field}[{index}]")
        if fields.maybe_text("service") != service or fields.maybe_text("country") != country:
            continue
        counted += 1
        actual, promised = (day(fields.data.get(name), fields.at(name)) for name in ("actual", "promised"))
        kept += actual <= promised
    return kept, counted


def on_time_confidence(on_time: int, deliveries: int) -> float:
    """The lower bound of the Wilson interval of the share on time; 0.5 without any delivery."""
    return wilson(on_time, deliveries)[0] if deliveries else ON_TIME_WITHOUT_HISTORY


def _volumetric_kg(size_cm: Size, divisor: Decimal) -> Decimal:
    return size_cm[0] * size_cm[1] * size_cm[2] / divisor


def _stepped(weight: Decimal, service: Service) -> Decimal:
    if service.step_kg is None:
        return weight
    return (weight / service.step_kg).to_integral_value(ROUND_CEILING) * service.step_kg


def _price_of(service: Service, charged: Decimal | None) -> Money | None:
    if charged is None:
        return None
    return next((price for up_to, price in service.prices if charged <= up_to), None)


def _sum(prices: Sequence[Money | None]) -> Money | None:
    known = [price for price in prices if price is not None]
    return total(known, known[0].currency) if known and len(known) == len(prices) else None


def _arrives(ships: dt.date, days: int, country: str, region: str | None) -> dt.date:
    """Counts from the day after shipping: a parcel travels while the destination rests."""
    if days == 0:
        return working_days(ships, 0, country, region)
    return working_days(ships + dt.timedelta(days=1), days - 1, country, region)


def _cost_rank(offer: Offer) -> tuple[bool, Decimal]:
    return offer.cost is None, offer.cost.amount if offer.cost else Decimal(0)


def _days(offer: Offer) -> tuple[dt.date, dt.date]:
    return offer.window.latest, offer.window.earliest
