from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.money import Money
from shared.tools.packing import Box, Item, Parcel
from shared.tools.shipping import (
    Calendar,
    Choice,
    Offer,
    Service,
    Window,
    billable_kg,
    choose_service,
    delivery_window,
    make_offer,
    on_time_confidence,
    on_time_record,
)

BERLIN = Calendar("DE", ZoneInfo("Europe/Berlin"), dt.time(15), handling_days=1)


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def service(name: str = "standard", **given: object) -> Service:
    table = ((Decimal(5), eur("4.90")), (Decimal(30), eur("9.90")))
    values: dict[str, object] = {"prices": table, "transit_min": 2, "transit_max": 3, **given}
    return Service(name, **values)  # type: ignore[arg-type]  # the values are those of its own fields


def parcel(kg: str | None, *size: int) -> Parcel:
    lengths = tuple(Decimal(length) for length in size) or None
    weight = None if kg is None else Decimal(kg)
    return Parcel("box", lengths, weight, (Item(0, "a"),))  # type: ignore[arg-type]  # three lengths or none


def berlin_time(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 12, day, hour, minute, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("kg", "divisor", "step", "expected"),
    [
        ("1", "5000", "0.5", "5.0"),  # the role page: 40 x 30 x 20 cm / 5000 = 4.8 kg
        ("1", "5000", None, "4.8"),
        ("1", "6000", "0.5", "4.0"),  # air cargo by IATA, exactly on the step
        ("4.9", "5000", "0.1", "4.9"),  # the weight decides, and is on the step
        ("7.01", None, "1", "8"),
    ],
)
def test_the_charged_weight_is_the_greater_one_rounded_up(
    kg: str, divisor: str | None, step: str | None, expected: str
) -> None:
    by = service(divisor=divisor and Decimal(divisor), step_kg=step and Decimal(step))
    assert billable_kg(parcel(kg, 40, 30, 20), by) == Decimal(expected)


def test_a_weight_or_size_that_is_not_known_is_not_charged_by_guess() -> None:
    assert billable_kg(parcel(None, 40, 30, 20), service(divisor=Decimal(5000))) is None
    assert billable_kg(parcel("2"), service(divisor=Decimal(5000))) is None
    assert billable_kg(parcel("2"), service()) == 2


@given(st.decimals("0.001", 70, places=3), st.decimals("0.05", 5, places=2))
def test_rounding_up_adds_less_than_a_step(kg: Decimal, step: Decimal) -> None:
    charged = billable_kg(parcel(str(kg), 1, 1, 1), service(step_kg=step))
    assert charged is not None
    assert kg <= charged < kg + step
    assert charged % step == 0


def test_an_order_after_the_cut_off_on_a_friday_arrives_as_the_role_page_says() -> None:
    window = delivery_window(berlin_time(11, 16, 30), BERLIN, service(), "DE")
    assert [window.accepted.day, window.ships.day, window.earliest.day, window.latest.day] == [14, 15, 17, 18]


def test_christmas_is_no_working_day() -> None:
    window = delivery_window(berlin_time(22, 9), BERLIN, service(), "DE")
    assert [window.accepted.day, window.ships.day, window.earliest.day, window.latest.day] == [22, 23, 28, 29]


@pytest.mark.parametrize(("hour", "minute", "accepted"), [(14, 59, 10), (15, 0, 11)])
def test_the_cut_off_is_by_the_clock_of_the_warehouse(hour: int, minute: int, accepted: int) -> None:
    assert delivery_window(berlin_time(10, hour, minute), BERLIN, service(), "DE").accepted.day == accepted


def test_late_in_the_evening_of_utc_the_next_day_has_begun_in_tokyo() -> None:
    tokyo = Calendar("JP", ZoneInfo("Asia/Tokyo"), dt.time(15), handling_days=0)
    placed = dt.datetime(2026, 12, 10, 22, tzinfo=dt.UTC)
    assert delivery_window(placed, tokyo, service(), "JP").accepted == dt.date(2026, 12, 11)


def test_a_parcel_travels_while_the_destination_rests() -> None:
    """6 January is a holiday in Poland and not in Germany: shipped that day, it arrives on the 7th."""
    placed = dt.datetime(2027, 1, 5, 9, tzinfo=dt.UTC)
    window = delivery_window(placed, BERLIN, service(transit_min=0, transit_max=1), "PL")
    assert window.ships == dt.date(2027, 1, 6)
    assert (window.earliest, window.latest) == (dt.date(2027, 1, 7), dt.date(2027, 1, 7))


def test_the_closures_of_a_warehouse_move_its_days() -> None:
    closed = Calendar("DE", BERLIN.time_zone, dt.time(15), 1, closures=frozenset({dt.date(2026, 12, 10)}))
    assert delivery_window(berlin_time(10, 9), closed, service(), "DE").accepted.day == 11


def offer(name: str, cost: str | None, latest: int, earliest: int = 1) -> Offer:
    days = [dt.date(2026, 12, day) for day in (1, 1, earliest, latest)]
    return Offer(service(name), Window(*days), (), (), eur(cost) if cost else None)


def test_the_cheapest_service_that_keeps_the_promise_is_chosen() -> None:
    slow, fast, express = offer("slow", "4", 12), offer("fast", "9", 10), offer("express", "30", 8)
    promised = dt.date(2026, 12, 10)
    assert choose_service([slow, express, fast], promised) == Choice(fast, late=False)
    assert choose_service([slow, express, fast]) == Choice(slow, late=False)


def test_when_none_keeps_the_promise_the_fastest_goes_and_is_late() -> None:
    slow, express = offer("slow", "4", 12), offer("express", "30", 8)
    assert choose_service([slow, express], dt.date(2026, 12, 7)) == Choice(express, late=True)


def test_a_cost_that_is_not_known_is_not_the_cheapest() -> None:
    known, unknown = offer("known", "99", 9), offer("unknown", None, 8)
    assert choose_service([unknown, known]) == Choice(known, late=False)


def test_no_offer_is_no_choice() -> None:
    assert choose_service([], None) is None


WINDOW = Window(*[dt.date(2026, 12, 1)] * 4)


def test_each_parcel_is_priced_by_its_row() -> None:
    made = make_offer(service(), WINDOW, [parcel("5"), parcel("5.01"), parcel("30")])
    assert made is not None
    assert made.cost == eur("24.70")
    assert make_offer(service(), WINDOW, [parcel("30.5")]) is None
    assert make_offer(service(max_kg=Decimal(20)), WINDOW, [parcel("21")]) is None


def test_one_parcel_of_unknown_price_makes_the_sum_unknown() -> None:
    made = make_offer(service(), WINDOW, [parcel("5"), parcel(None)])
    assert made is not None
    assert made.cost is None
    without_table = make_offer(service(prices=()), WINDOW, [parcel("5")])
    assert without_table is not None
    assert without_table.cost is None


def test_the_limits_of_a_service_are_its_own_and_those_of_its_table() -> None:
    assert service().heaviest_kg == 30
    assert service(max_kg=Decimal(20)).heaviest_kg == 20
    assert service(step_kg=Decimal(7)).heaviest_kg == 28  # 28.5 kg would be charged as 35, off the table
    assert service(prices=()).heaviest_kg is None
    by_volume = service(divisor=Decimal(5000))
    assert by_volume.allows(Box("b", (Decimal(50), Decimal(50), Decimal(60))))
    assert not by_volume.allows(Box("b", (Decimal(50), Decimal(50), Decimal(61))))


def test_a_service_carries_what_it_does_not_refuse_to_where_it_goes() -> None:
    air = service(countries=frozenset({"FR"}), refuses=frozenset({"UN3480"}))
    assert air.carries("FR")
    assert air.carries("FR", ["UN1266"])
    assert not air.carries("FR", ["UN1266", "UN3480"])
    assert not air.carries("PL")
    assert not service(refuses=frozenset({"*"})).carries("FR", ["UN1266"])


def test_18_of_20_on_time_is_0_699() -> None:
    assert on_time_confidence(18, 20) == pytest.approx(0.699, abs=0.0005)
    assert on_time_confidence(0, 0) == 0.5


def test_a_delivery_is_on_time_up_to_the_promised_day_and_others_do_not_count() -> None:
    def delivery(actual: str, **other: str) -> dict[str, str]:
        return {"service": "s", "country": "FR", "promised": "2026-11-02", "actual": actual, **other}

    mine = [delivery("2026-11-02"), delivery("2026-11-01"), delivery("2026-11-03")]
    others = [delivery("2026-11-02", service="t"), delivery("2026-11-02", country="PL")]
    assert on_time_record([*mine, *others], "s", "FR") == (2, 3)


def test_a_delivery_without_a_date_is_refused_by_path() -> None:
    delivery = {"service": "s", "country": "FR", "promised": "soon", "actual": "2026-11-01"}
    with pytest.raises(Invalid) as refused:
        on_time_record([delivery], "s", "FR")
    assert refused.value.problems[0].field == "history[0].promised"
