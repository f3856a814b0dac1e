from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.sourcing_plan import (
    Ask,
    Need,
    Place,
    Quote,
    Sources,
    Take,
    available_to_promise,
    choose_sources,
)


def flat(prices: Mapping[str, int], each: int = 0) -> Ask:
    """A parcel costs what its place says, and `each` more for every unit."""

    def ask(place: str, take: Take) -> Quote | None:
        return Quote(Decimal(prices[place] + each * sum(units for _, units in take)))

    return ask


@pytest.mark.parametrize(
    ("stock", "fact", "free"),
    [
        ({"a": {"on_hand": 7, "reserved": 2}}, None, 5),
        ({"a": {"on_hand": 2, "reserved": 7}}, None, 0),
        ({"a": {"on_hand": 7}}, None, 7),
        ({"a": 7}, None, 7),
        ({"a": -3}, None, 0),
        ({}, None, 0),
        ({"a": 7}, 4, 4),
        ({"a": 3}, 4, 3),
        ({"a": 7}, -1, 0),
    ],
)
def test_what_can_be_promised_is_free_stock_and_never_more_than_the_last_fact(
    stock: Mapping[str, object], fact: int | None, free: int
) -> None:
    assert available_to_promise("a", stock, fact) == free


@pytest.mark.parametrize("units", [1.5, True, "7", None])
def test_units_are_whole_numbers(units: object) -> None:
    with pytest.raises(Invalid, match=r"stock\.a\.on_hand"):
        available_to_promise("a", {"a": {"on_hand": units}})


def test_one_place_that_has_all_is_better_than_two_cheap_ones() -> None:
    places = [Place("x", {"a": 1}), Place("y", {"b": 1}), Place("z", {"a": 1, "b": 1})]
    needs = [Need(0, "a", 1), Need(1, "b", 1)]
    assert choose_sources(needs, places, flat({"x": 4, "y": 4, "z": 7})).takes == {"z": ((0, 1), (1, 1))}
    assert choose_sources(needs, places, flat({"x": 3, "y": 3, "z": 7})).takes == {
        "x": ((0, 1),),
        "y": ((1, 1),),
    }


def test_at_equal_cost_fewer_shipments_win_then_the_shorter_way() -> None:
    places = [Place("far", {"a": 2}, 900.0), Place("near", {"a": 2}, 10.0), Place("half", {"a": 1}, 1.0)]
    found = choose_sources([Need(0, "a", 2)], places, flat({"far": 6, "near": 6, "half": 3}))
    assert found.takes == {"near": ((0, 2),)}


def test_a_line_is_taken_from_the_cheapest_place_as_far_as_its_stock_goes() -> None:
    places = [Place("cheap", {"a": 3}), Place("dear", {"a": 3})]
    found = choose_sources([Need(0, "a", 5)], places, flat({"cheap": 1, "dear": 9}))
    assert found == Sources({"cheap": ((0, 3),), "dear": ((0, 2),)}, {})


def test_what_nobody_has_is_short_and_the_rest_ships() -> None:
    places = [Place("x", {"a": 2}), Place("y", {"a": 1})]
    found = choose_sources([Need(0, "a", 5), Need(1, "b", 1)], places, flat({"x": 1, "y": 1}))
    assert found == Sources({"x": ((0, 2),), "y": ((0, 1),)}, {0: 2, 1: 1})


def test_two_lines_of_one_sku_share_its_stock() -> None:
    found = choose_sources([Need(0, "a", 2), Need(1, "a", 2)], [Place("x", {"a": 3})], flat({"x": 1}))
    assert found == Sources({"x": ((0, 2), (1, 1))}, {1: 1})


def test_a_place_from_where_nothing_can_be_sent_holds_nothing() -> None:
    places = [Place("island", {"a": 9}), Place("main", {"a": 1})]
    found = choose_sources([Need(0, "a", 2)], places, lambda place, _: Quote(Decimal(1)) if place == "main" else None)
    assert found == Sources({"main": ((0, 1),)}, {0: 1})


def test_a_plan_in_time_at_a_known_cost_comes_first() -> None:
    quotes = {"late": Quote(Decimal(1), late=True), "unknown": Quote(None), "sound": Quote(Decimal(50))}
    places = [Place(name, {"a": 1}) for name in quotes]
    assert choose_sources([Need(0, "a", 1)], places, lambda place, _: quotes[place]).takes == {"sound": ((0, 1),)}


def test_more_than_ten_places_are_covered_greedily_by_cost_a_unit() -> None:
    """Chvatal's rule: 12 for six units (2 each) goes before 3 for one."""
    places = [Place(f"small-{index:02}", {"a": 1}) for index in range(10)] + [Place("big", {"a": 6})]
    prices = {place.id: 3 for place in places} | {"big": 12, "small-07": 1}
    found = choose_sources([Need(0, "a", 8)], places, flat(prices))
    assert found.takes == {"small-07": ((0, 1),), "big": ((0, 6),), "small-00": ((0, 1),)}
    assert found.short == {}


skus = st.sampled_from(["a", "b", "c"])
stocks = st.dictionaries(skus, st.integers(0, 4))
needs_lists = st.lists(st.tuples(skus, st.integers(1, 5)), min_size=1, max_size=4)


@given(needs_lists, st.lists(stocks, max_size=13), st.integers(0, 3))
def test_shipments_cover_exactly_what_is_there_and_never_more(
    lines: list[tuple[str, int]], stocks: list[dict[str, int]], each: int
) -> None:
    needs = [Need(index, sku, units) for index, (sku, units) in enumerate(lines)]
    places = [Place(f"p{index:02}", stock, float(index)) for index, stock in enumerate(stocks)]
    found = choose_sources(needs, places, flat({place.id: 1 + len(place.available) for place in places}, each))
    for place in places:
        for sku, units in place.available.items():
            given_away = sum(n for line, n in found.takes.get(place.id, ()) if needs[line].sku == sku)
            assert given_away <= units
    for need in needs:
        shipped = sum(n for take in found.takes.values() for line, n in take if line == need.line)
        assert shipped + found.short.get(need.line, 0) == need.units
    for sku in {need.sku for need in needs}:
        wanted = sum(need.units for need in needs if need.sku == sku)
        stock = sum(place.available.get(sku, 0) for place in places)
        short = sum(found.short.get(need.line, 0) for need in needs if need.sku == sku)
        assert short == max(0, wanted - stock)


@given(st.lists(st.tuples(stocks, st.integers(1, 9)), min_size=1, max_size=4), needs_lists)
def test_no_single_place_that_covers_all_is_cheaper_than_the_plan(
    places: list[tuple[dict[str, int], int]], lines: list[tuple[str, int]]
) -> None:
    needs = [Need(index, sku, units) for index, (sku, units) in enumerate(lines)]
    offered = [Place(f"p{index}", stock) for index, (stock, _) in enumerate(places)]
    prices = {f"p{index}": price for index, (_, price) in enumerate(places)}
    found = choose_sources(needs, offered, flat(prices))
    cost = sum(prices[place] for place in found.takes)
    for place in offered:
        alone = choose_sources(needs, [place], flat(prices))
        if not alone.short:
            assert cost <= prices[place.id]
