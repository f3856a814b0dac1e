"""The fulfilment_planner: from where, in which parcels, by when. Numbers are those of the role page's proof."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.agents.case import Conclusion
from shared.agents.roles import role
from shared.errors import Invalid
from tests.shared.agents.toolbox.order_shop import ADDRESS, case_of, order, shop, work

ROLE = "fulfilment_planner"
BERLIN = ZoneInfo("Europe/Berlin")


def one_place(**service: Any) -> dict[str, Any]:
    """The shop with its Berlin warehouse and one service of 2 to 3 days alone."""
    settings = shop()
    ground = {**settings["services"][0], "transit_min": 2, "transit_max": 3, **service}
    return settings | {"warehouses": settings["warehouses"][:1], "services": [ground]}


def line(**changed: Any) -> dict[str, Any]:
    return {**order()["lines"][0], **changed}


def actions(done: Conclusion) -> list[str]:
    return [proposal.action for proposal in done.proposals]


def test_an_order_ships_from_the_cheapest_place_in_one_parcel() -> None:
    done = work(ROLE, order())
    assert (done.outcome, actions(done), done.escalations) == ("planned", ["reserve_stock", "create_shipment"], ())
    (shipment,) = done.output["shipments"]
    assert (shipment["warehouse"], shipment["service"], done.output["total_cost"]) == ("berlin", "ground", "5.90")
    units = [{"warehouse": "berlin", "line": 0, "sku": "LAMP-H", "units": 2}]
    assert done.proposals[0].detail == {"order_id": "A-1042", "units": units}


@pytest.mark.parametrize(
    ("placed", "ships", "earliest", "latest"),
    [
        (datetime(2026, 12, 11, 16, 30, tzinfo=BERLIN), "2026-12-15", "2026-12-17", "2026-12-18"),
        (datetime(2026, 12, 22, 10, 0, tzinfo=BERLIN), "2026-12-23", "2026-12-28", "2026-12-29"),
    ],
)
def test_the_day_named_counts_cut_off_handling_and_holidays(
    placed: datetime, ships: str, earliest: str, latest: str
) -> None:
    """Friday after the cut-off is Monday's work; Christmas is skipped (library holidays)."""
    (shipment,) = work(ROLE, order(), settings=one_place(), now=placed).output["shipments"]
    assert (shipment["ships"], shipment["earliest"], shipment["latest"]) == (ships, earliest, latest)


def test_an_order_that_waited_is_planned_from_today() -> None:
    """Placed on Friday morning, paid on Friday at 16:30, after the cut-off."""
    paid = datetime(2026, 12, 11, 16, 30, tzinfo=BERLIN)
    (shipment,) = work(ROLE, order(), settings=one_place(), now=paid).output["shipments"]
    assert shipment["ships"] == "2026-12-15"


def test_eighteen_of_twenty_on_time_give_0_699() -> None:
    """The lower bound of Wilson's interval; 0.5 without any delivery on record."""
    on_time = {"service": "ground", "country": "DE", "promised": "2026-11-10", "actual": "2026-11-09"}
    record = [on_time] * 18 + [{**on_time, "actual": "2026-11-11"}] * 2
    done = work(ROLE, order(), settings=one_place() | {"deliveries": record})
    assert done.confidence == pytest.approx(0.699, abs=5e-4)
    assert work(ROLE, order()).confidence == 0.5 > role(ROLE).min_confidence


def test_what_is_not_measured_lowers_confidence_and_is_never_guessed() -> None:
    lines = [line(), line(sku="NEW-1")]
    settings = one_place()
    settings["warehouses"][0]["available"]["NEW-1"] = 5
    done = work(ROLE, order(lines=lines), settings=settings)
    assert done.output["unknown"] == ["lines[1].size_cm", "lines[1].weight_kg"]
    assert done.confidence == 0.25 < role(ROLE).min_confidence
    assert done.output["total_cost"] is None


def test_the_orders_own_measures_go_before_the_products() -> None:
    """Two cubes of 6 in a box of 10 have 43 % of its volume and still need two boxes."""
    settings = one_place() | {"boxes": [{"id": "cube", "inner_cm": [10, 10, 10], "max_kg": 5}]}
    done = work(ROLE, order(lines=[line(size_cm=[6, 6, 6])]), settings=settings)
    assert len(done.output["shipments"][0]["parcels"]) == 2


def test_stock_is_what_is_on_hand_less_reserved() -> None:
    case = case_of(ROLE, order(lines=[line(quantity=200)]))
    assert case.get("available_to_promise") == {"LAMP-H": {"berlin": 56, "lyon": 25}}


def test_what_no_place_has_is_short_and_the_customer_is_told() -> None:
    done = work(ROLE, order(lines=[line(quantity=100)]))
    assert (done.outcome, sum(part["units"] for part in done.output["short"])) == ("short", 19)
    assert actions(done) == ["reserve_stock", "create_shipment", "notify_delay"]


def test_a_promise_that_no_service_keeps_is_late() -> None:
    done = work(ROLE, order(promised_by="2026-12-11"))
    assert (done.outcome, done.output["late"], actions(done)[-1]) == ("planned", True, "notify_delay")


def test_an_embargo_is_a_policy_broken_and_nothing_is_shipped() -> None:
    settings = shop()
    settings["services"][0]["countries"].append("SY")
    done = work(ROLE, order(shipping_address={**ADDRESS, "country": "SY"}), settings=settings)
    assert [(reason.trigger, reason.actual) for reason in done.escalations] == [("potential_policy_violation", "SY")]
    assert "create_shipment" not in actions(done)


def test_a_hazard_that_every_service_refuses_is_a_policy_broken() -> None:
    settings = one_place(refuses=["UN3480"])
    done = work(ROLE, order(lines=[line(hazard="UN 3480")]), settings=settings)
    assert [reason.field for reason in done.escalations] == ["lines[0].hazard"]
    assert (done.outcome, done.output["short"][0]["reason"]) == ("short", "hazard")


def test_shipping_above_the_margin_goes_to_a_human() -> None:
    done = work(ROLE, order(margin="5.00"))
    assert [(reason.trigger, reason.actual) for reason in done.escalations] == [("high_value_transaction", "5.90 EUR")]


def test_no_shipment_over_a_customs_border_without_tariff_codes() -> None:
    settings = shop()
    settings["products"]["LAMP-H"].pop("hs_code")
    done = work(ROLE, order(shipping_address={**ADDRESS, "country": "CH", "postal_code": "8001"}), settings=settings)
    assert done.output["customs_missing"] == ["lines[0].hs_code"]
    assert (actions(done), [reason.field for reason in done.escalations]) == (["reserve_stock"], ["customs_missing"])


@pytest.mark.parametrize("name", ["warehouses", "boxes", "services"])
def test_a_shop_that_has_not_said_how_it_ships_is_not_short_of_stock(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        work(ROLE, order(), settings=shop() | {name: []})
    assert refused.value.problems[0].field == f"settings.{name}"


def test_distances_are_told_where_both_places_are_known() -> None:
    """Berlin to Paris is 877.5 km as the crow flies; Lyon lies nearer to Paris."""
    data = order(shipping_address={**ADDRESS, "country": "FR", "lat": 48.8566, "lon": 2.3522})
    km = case_of(ROLE, data).get("great_circle_km")
    assert km["berlin"] == pytest.approx(877.5, abs=0.5)
    assert km["lyon"] < 400
    nowhere = {name: ADDRESS[name] for name in ("country", "postal_code")}
    assert case_of(ROLE, order(shipping_address=nowhere)).get("great_circle_km") == {"berlin": None, "lyon": None}
