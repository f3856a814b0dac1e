from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.fulfilment import Finding, Plan, plan
from shared.tools.money import Money
from shared.tools.shipping_desk import Short

Body = dict[str, Any]


def line(sku: str = "mug", quantity: int = 1, **given: object) -> Body:
    known = {"weight_kg": "0.4", "size_cm": [10, 10, 10], "unit_price_net": "9.90", "hs_code": "6912.00"}
    return {"sku": sku, "quantity": quantity, **known, **given}


def order(*lines: Body, country: str = "DE", **given: object) -> Body:
    return {
        "order_id": "1042",
        "currency": "EUR",
        "placed_at": "2026-12-11T16:30:00+01:00",
        "lines": list(lines) or [line()],
        "shipping_address": {"country": country, "postal_code": "10115", "lat": 52.52, "lon": 13.405},
        **given,
    }


def warehouse(name: str = "berlin", available: object = None, **given: object) -> Body:
    return {
        "id": name,
        "country": "DE",
        "lat": 52.5,
        "lon": 13.4,
        "cut_off": "15:00",
        "time_zone": "Europe/Berlin",
        "handling_days": 1,
        "available": {"mug": 100, "lamp": 100} if available is None else available,
        **given,
    }


BOX = {"id": "standard", "inner_cm": [40, 30, 20], "max_kg": 20}


def service(name: str = "parcel", price: object = "4.90", **given: object) -> Body:
    table = [{"up_to_kg": 5, "price": price}, {"up_to_kg": 31.5, "price": "9.90"}]
    terms = {"divisor": 5000, "step_kg": 0.5, "transit_min": 2, "transit_max": 3}
    return {"id": name, "price_table": table, **terms, **given}


def make(body: Body, warehouses: list[Body] | None = None, services: list[Body] | None = None, **given: Any) -> Plan:
    return plan(body, warehouses or [warehouse()], [BOX], services or [service()], **given)


def test_a_simple_order_ships_in_one_parcel_on_the_days_of_the_role_page() -> None:
    """4.8 kg by volume are charged as 5.0; placed on a Friday after the cut-off, there by Friday."""
    history = [
        {"service": "parcel", "country": "DE", "promised": "2026-11-10", "actual": f"2026-11-{day}"}
        for day in ["10"] * 18 + ["11"] * 2
    ]
    found = make(order(line(quantity=2)), history=history)
    assert found.confidence == pytest.approx(0.699, abs=0.0005)
    assert found.output() == {
        "shipments": [
            {
                "warehouse": "berlin",
                "service": "parcel",
                "parcels": [
                    {
                        "box": "standard",
                        "lines": [{"line": 0, "sku": "mug", "units": 2}],
                        "billable_kg": "5.0",
                    }
                ],
                "cost": "4.90",
                "ships": "2026-12-15",
                "earliest": "2026-12-17",
                "latest": "2026-12-18",
                "late": False,
            }
        ],
        "short": [],
        "total_cost": "4.90",
        "currency": "EUR",
        "late": False,
        "customs_missing": [],
        "findings": [],
        "unknown": [],
        "proposes": ["reserve_stock", "create_shipment"],
        "outcome": "planned",
    }


def test_what_no_place_has_is_short_and_the_customer_is_told() -> None:
    found = make(order(line(quantity=5)), [warehouse(available={"mug": {"on_hand": 7, "reserved": 4}})])
    assert found.outcome == "short"
    assert found.short == (Short(0, "mug", 2, "stock"),)
    assert found.shipments[0].take == ((0, 3),)
    assert "notify_delay" in found.proposes


def test_nothing_in_stock_is_a_plan_without_shipments() -> None:
    found = make(order(), [warehouse(available={})])
    assert (found.shipments, found.outcome, found.total_cost) == ((), "short", Money(Decimal("0.00"), "EUR"))
    assert found.proposes == ("notify_delay",)


def test_the_last_stock_fact_is_never_exceeded() -> None:
    found = make(order(line(quantity=5)), stock_facts={"berlin": {"mug": 1}})
    assert found.short == (Short(0, "mug", 4, "stock"),)


def test_two_places_ship_together_what_neither_has_alone() -> None:
    places = [warehouse("a", {"mug": 1}), warehouse("b", {"lamp": 1})]
    found = make(order(line("mug"), line("lamp")), places)
    assert [(one.warehouse, one.take) for one in found.shipments] == [("a", ((0, 1),)), ("b", ((1, 1),))]
    assert found.total_cost == Money(Decimal("9.80"), "EUR")


def test_the_nearer_of_two_equal_places_ships() -> None:
    places = [warehouse("a-munich", lat=48.14, lon=11.58), warehouse("z-potsdam", lat=52.39, lon=13.06)]
    assert make(order(), places).shipments[0].warehouse == "z-potsdam"


def test_a_promise_that_cannot_be_kept_takes_the_fastest_service_and_says_late() -> None:
    services = [service("slow", "3.00"), service("express", "20.00", transit_min=1, transit_max=1)]
    kept = make(order(promised_by="2026-12-16"), services=services)
    broken = make(order(promised_by="2026-12-15"), services=services)
    assert [one.offer.service.id for one in (*kept.shipments, *broken.shipments)] == ["express", "express"]
    assert (kept.late, broken.late) == (False, True)
    assert "notify_delay" in broken.proposes


def test_a_place_that_keeps_the_promise_goes_before_a_cheaper_one_that_does_not() -> None:
    places = [warehouse("slow", handling_days=9, lat=52.52, lon=13.405), warehouse("quick", lat=40)]
    assert make(order(promised_by="2026-12-18"), places).shipments[0].warehouse == "quick"


@pytest.mark.parametrize("gap", [{"weight_kg": 0}, {"weight_kg": None}, {"size_cm": None}, {"size_cm": [10, 0, 10]}])
def test_a_weight_of_0_or_a_missing_size_lowers_confidence_and_is_never_guessed(gap: Body) -> None:
    found = make(order(line(), line("lamp", **gap)))
    assert found.confidence == 0.25  # one of two lines measured, times 0.5 without history
    assert found.total_cost is None
    assert found.unknown == (f"lines[1].{next(iter(gap))}",)
    assert found.outcome == "planned"
    assert [parcel.box for parcel in found.shipments[0].offer.parcels] == ["standard", None]


def test_a_bare_line_as_a_shop_sends_it_is_planned_with_confidence_0() -> None:
    found = make(order({"sku": "mug", "quantity": 2}))
    assert (found.confidence, found.outcome, found.total_cost) == (0, "planned", None)


def test_across_a_customs_border_each_line_needs_its_code_and_value() -> None:
    bare = {"sku": "lamp", "quantity": 1, "weight_kg": 1, "size_cm": [5, 5, 5]}
    lines = (line(), line(hs_code=None), bare)
    assert make(order(*lines, country="FR")).customs_missing == ()
    swiss = make(order(*lines, country="CH"))
    assert swiss.customs_missing == ("lines[1].hs_code", "lines[2].hs_code", "lines[2].value")
    assert swiss.proposes == ("reserve_stock",)


def test_a_hazard_goes_by_the_service_that_takes_it() -> None:
    air, road = service("air", "2.00", refuses=["UN 3480"]), service("road", "6.00")
    battery = order(line("lamp", hazard="un3480"), line())
    found = make(battery, services=[air, road])
    assert [one.offer.service.id for one in found.shipments] == ["road"]
    assert found.findings == ()


def test_a_hazard_that_every_service_refuses_stays_and_a_human_is_asked() -> None:
    found = make(order(line("lamp", hazard="UN 3480"), line()), services=[service(refuses=["UN3480"])])
    assert found.short == (Short(0, "lamp", 1, "hazard"),)
    assert [one.take for one in found.shipments] == [((1, 1),)]
    (finding,) = found.findings
    assert (finding.trigger, finding.field) == ("potential_policy_violation", "lines[0].hazard")
    assert "create_shipment" not in found.proposes


def test_lines_that_no_one_service_takes_together_ship_apart() -> None:
    """The battery may not fly, and what is too heavy for the road service flies."""
    air = service("air", refuses=["*"])
    road = service("road", max_kg=2)
    found = make(order(line("lamp", hazard="UN3480"), line("mug", weight_kg=8)), services=[air, road])
    assert {one.offer.service.id: one.take for one in found.shipments} == {
        "road": ((0, 1),),
        "air": ((1, 1),),
    }
    assert found.total_cost == Money(Decimal("14.80"), "EUR")


def test_a_country_on_the_embargo_list_is_a_policy_violation() -> None:
    found = make(order(country="FR"), embargo=["fr", "XX"])
    assert found.findings == (
        Finding("potential_policy_violation", "shipping_address.country", "FR", "a country on the embargo list"),
    )
    assert "create_shipment" not in found.proposes


def test_shipping_that_costs_more_than_the_margin_is_for_a_human() -> None:
    assert make(order(margin="4.90")).findings == ()
    (finding,) = make(order(margin="4.89")).findings
    assert (finding.trigger, finding.actual) == ("high_value_transaction", "4.90 EUR")


def test_a_country_where_no_service_goes_is_short_for_that_reason() -> None:
    found = make(order(line(quantity=3), country="AU"), services=[service(countries=["DE", "FR"])])
    assert found.short == (Short(0, "mug", 3, "no_service"),)
    assert found.findings == ()


def test_a_price_in_another_currency_is_unknown_until_it_can_be_converted() -> None:
    zloty = service("pl", "20.00", currency="PLN")
    assert make(order(), services=[zloty]).total_cost is None
    rate = Decimal("0.25")
    found = make(order(), services=[zloty], convert=lambda price: Money(price.amount * rate, "EUR"))
    assert found.total_cost == Money(Decimal("5.00"), "EUR")


def test_parcels_are_never_heavier_than_the_service_takes() -> None:
    found = make(order(line(quantity=8, weight_kg=3)), services=[service(max_kg=10)])
    weights = [parcel.weight_kg for parcel in found.shipments[0].offer.parcels]
    assert sorted(weights, key=str) == [6, 9, 9]


def test_a_box_whose_volume_is_off_the_price_table_is_not_used() -> None:
    small_table = service(price_table=[{"up_to_kg": 1, "price": "2.00"}])
    found = make(order(line(size_cm=[10, 10, 10])), services=[small_table])
    assert [parcel.box for parcel in found.shipments[0].offer.parcels] == [None]  # the box would count 4.8 kg


def test_the_region_of_an_address_that_no_calendar_knows_does_no_harm() -> None:
    body = order()
    body["shipping_address"]["region"] = "Brandenburg an der Havel"
    assert make(body).shipments == make(order()).shipments


def test_a_later_start_of_the_work_moves_the_dates() -> None:
    found = make(order(), ready_at=dt.datetime(2026, 12, 22, 8, tzinfo=dt.UTC))
    assert found.shipments[0].offer.window.latest == dt.date(2026, 12, 29)


CHANGES: list[tuple[Callable[[Body], object], str]] = [
    (lambda body: body.pop("order_id"), "order_id"),
    (lambda body: body.update(lines=[]), "lines"),
    (lambda body: body.pop("placed_at"), "placed_at"),
    (lambda body: body.update(placed_at="2026-12-11T16:30:00"), "placed_at"),
    (lambda body: body.update(promised_by="Friday"), "promised_by"),
    (lambda body: body.update(margin=1.5), "margin"),
    (lambda body: body.pop("shipping_address"), "shipping_address"),
    (lambda body: body["shipping_address"].update(country="Germany"), "shipping_address.country"),
    (lambda body: body["shipping_address"].update(lat=91), "shipping_address.lat"),
    (lambda body: body["lines"][0].update(quantity=0), "lines[0].quantity"),
    (lambda body: body["lines"][0].update(quantity=True), "lines[0].quantity"),
    (lambda body: body["lines"][0].update(quantity=5001), "lines"),
    (lambda body: body["lines"][0].update(weight_kg=-1), "lines[0].weight_kg"),
    (lambda body: body["lines"][0].update(weight_kg=float("nan")), "lines[0].weight_kg"),
    (lambda body: body["lines"][0].update(weight_kg="heavy"), "lines[0].weight_kg"),
    (lambda body: body["lines"][0].update(size_cm=[1, 2]), "lines[0].size_cm"),
    (lambda body: body["lines"][0].update(size_cm=[1, "2", True]), "lines[0].size_cm[2]"),
]


@pytest.mark.parametrize(("change", "field"), CHANGES)
def test_an_order_that_breaks_a_rule_is_refused_by_the_path_of_the_field(
    change: Callable[[Body], object], field: str
) -> None:
    body = order()
    change(body)
    with pytest.raises(Invalid) as refused:
        make(body)
    assert refused.value.problems[0].field == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"warehouses": [warehouse(), warehouse()]}, "warehouses[1].id"),
        ({"warehouses": [warehouse(time_zone="Europe")]}, "warehouses[0].time_zone"),
        ({"warehouses": [warehouse(time_zone="../etc")]}, "warehouses[0].time_zone"),
        ({"warehouses": [warehouse(cut_off="25:00")]}, "warehouses[0].cut_off"),
        ({"warehouses": [warehouse(handling_days=-1)]}, "warehouses[0].handling_days"),
        ({"warehouses": [warehouse(available={"mug": 1.5})]}, "warehouses[0].available.mug"),
        ({"warehouses": [warehouse(closures=["2026-12-24", "soon"])]}, "warehouses[0].closures[1]"),
        ({"services": [service(divisor=0)]}, "services[0].divisor"),
        ({"services": [service(transit_max=1)]}, "services[0].transit_max"),
        ({"services": [service(price=4.9)]}, "services[0].price_table[0].price"),
        ({"services": [service(price="-1")]}, "services[0].price_table[0].price"),
        ({"services": [service(price_table=[{"up_to_kg": 5, "price": "1"}] * 2)]}, "services[0].price_table"),
        ({"services": [service(countries="DE")]}, "services[0].countries"),
        ({"services": [service(refuses=[3480])]}, "services[0].refuses[0]"),
        ({"boxes": [{"id": "b", "inner_cm": [1, 0, 1]}]}, "boxes[0].inner_cm"),
        ({"boxes": [{**BOX, "max_kg": 0}]}, "boxes[0].max_kg"),
    ],
)
def test_a_setting_that_breaks_a_rule_is_refused_by_its_path(changed: dict[str, list[Body]], field: str) -> None:
    given = {"warehouses": [warehouse()], "boxes": [BOX], "services": [service()], **changed}
    with pytest.raises(Invalid) as refused:
        plan(order(), given["warehouses"], given["boxes"], given["services"])
    assert refused.value.problems[0].field == field


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 4), st.sampled_from([None, "UN3480"])),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 5)), min_size=1, max_size=4),
)
def test_parcels_hold_exactly_what_the_plan_takes_and_no_more_than_there_is(
    lines: list[tuple[str, int, str | None]], stocks: list[dict[str, int]]
) -> None:
    body = order(*[line(sku, quantity, hazard=hazard) for sku, quantity, hazard in lines])
    places = [warehouse(f"p{index}", stock) for index, stock in enumerate(stocks)]
    found = make(body, places, [service("air", "3.00", refuses=["*"]), service("road", "4.00")])
    for shipment in found.shipments:
        packed = Counter(item.line for parcel in shipment.offer.parcels for item in parcel.items)
        assert packed == dict(shipment.take)
    for name, stock in enumerate(stocks):
        for sku in "abc":
            takes = [one.take for one in found.shipments if one.warehouse == f"p{name}"]
            assert sum(n for take in takes for at, n in take if lines[at][0] == sku) <= stock.get(sku, 0)
    for index, (_, quantity, _) in enumerate(lines):
        shipped = sum(n for one in found.shipments for at, n in one.take if at == index)
        assert shipped + sum(part.units for part in found.short if part.line == index) == quantity
    assert json.loads(json.dumps(found.output())) == found.output()


def test_ten_places_and_ten_lines_do_not_take_long() -> None:
    """All 1023 subsets; each place lacks one line, so no single one covers the order."""
    lines = [line(f"s{at}", 3) for at in range(10)]
    places = [warehouse(f"p{at}", {f"s{other}": 3 for other in range(10) if other != at}) for at in range(10)]
    found = make(order(*lines), places)
    assert len(found.shipments) == 2
