from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.packing import Box, Item, Parcel, Size, pack


def cm(*lengths: object) -> Size:
    x, y, z = (Decimal(str(length)) for length in lengths)
    return x, y, z


def item(*lengths: object, kg: str = "1", up: bool = False, line: int = 0) -> Item:
    return Item(line, f"sku-{line}", cm(*lengths), Decimal(kg), up)


STANDARD = Box("standard", cm(40, 30, 20), Decimal(30))
TEN = Box("ten", cm(10, 10, 10))


@pytest.mark.parametrize(
    ("one", "count", "box", "parcels"),
    [
        (item(30, 20, 20), 2, STANDARD, 1),
        (item(30, 20, 20), 3, STANDARD, 2),
        (item(5, 5, 5), 8, TEN, 1),
        (item(5, 5, 5), 9, TEN, 2),
        (item(6, 6, 6), 2, TEN, 2),  # 43 % of the volume, and yet two boxes
    ],
)
def test_the_numbers_of_the_role_page(one: Item, count: int, box: Box, parcels: int) -> None:
    packed = pack([one] * count, [box])
    assert len(packed) == parcels
    assert all(parcel.box == box.id for parcel in packed)


def test_an_item_that_fits_no_box_is_its_own_parcel_with_its_own_size() -> None:
    pole, cup = item(200, 5, 5), item(8, 8, 10, line=1)
    packed = pack([cup, pole], [STANDARD])
    assert [(parcel.box, parcel.size_cm) for parcel in packed] == [
        (None, cm(200, 5, 5)),
        ("standard", cm(40, 30, 20)),
    ]


def test_without_boxes_every_item_is_its_own_parcel() -> None:
    assert [parcel.box for parcel in pack([item(1, 2, 3)] * 3, [])] == [None] * 3


def test_an_item_heavier_than_every_box_allows_is_its_own_parcel() -> None:
    assert [parcel.box for parcel in pack([item(5, 5, 5, kg="30.001")], [STANDARD])] == [None]
    assert [parcel.box for parcel in pack([item(5, 5, 5, kg="30")], [STANDARD])] == ["standard"]


def test_the_limit_of_the_carrier_is_the_limit_of_every_box() -> None:
    assert len(pack([item(5, 5, 5, kg="6")] * 4, [STANDARD])) == 1
    assert len(pack([item(5, 5, 5, kg="6")] * 4, [STANDARD], max_kg=Decimal(12))) == 2


def test_what_must_stand_upright_is_turned_only_around_its_height() -> None:
    lying_box = Box("lying", cm(30, 30, 10))
    assert pack([item(10, 10, 30)], [lying_box])[0].box == "lying"
    assert pack([item(10, 10, 30, up=True)], [lying_box])[0].box is None
    assert pack([item(12, 30, 10, up=True)], [Box("turned", cm(30, 12, 10))])[0].box == "turned"


def test_the_smallest_box_that_holds_all_is_chosen() -> None:
    boxes = [Box("large", cm(50, 50, 50)), STANDARD, TEN]
    assert [parcel.box for parcel in pack([item(9, 9, 9)], boxes)] == ["ten"]
    assert [parcel.box for parcel in pack([item(9, 9, 9)] * 2, boxes)] == ["standard"]


def test_one_larger_box_is_better_than_many_that_fit_one_item_each() -> None:
    assert len(pack([item(9, 9, 9)] * 12, [TEN, STANDARD])) == 1


def test_lengths_are_exact_where_binary_fractions_are_not() -> None:
    """Three times 0.1 is 0.3 here, and a hair more does not fit."""
    box = Box("tenth", cm("0.3", "0.1", "0.1"))
    assert len(pack([item("0.1", "0.1", "0.1")] * 3, [box])) == 1
    assert len(pack([item("0.1001", "0.1", "0.1")] * 3, [box])) == 2
    assert pack([item("0.30000001", "0.1", "0.1")], [box])[0].box is None


@pytest.mark.parametrize(
    "gap",
    [
        Item(1, "sku-1", None, Decimal(2)),
        Item(1, "sku-1", cm(5, 5, 5), Decimal(0)),
        Item(1, "sku-1", cm(5, 5, 5), None),
        Item(1, "sku-1"),
    ],
)
def test_what_is_not_measured_is_its_own_parcel_and_nothing_is_guessed(gap: Item) -> None:
    packed = pack([gap, item(5, 5, 5), gap], [TEN])
    assert [parcel.box for parcel in packed] == ["ten", None, None]
    assert [parcel.items for parcel in packed[1:]] == [(gap,), (gap,)]
    assert packed[1].size_cm == gap.size_cm
    assert packed[1].weight_kg == (gap.weight_kg or None)


def test_four_hundred_of_a_kind_are_packed_as_tightly_as_one_by_one() -> None:
    """36 cubes of 10 fill a box of 60 x 30 x 20: eleven full ones and four left."""
    packed = pack([item(10, 10, 10)] * 400, [Box("crate", cm(60, 30, 20))])
    assert Counter(len(parcel.items) for parcel in packed) == {36: 11, 4: 1}


def test_nothing_to_pack_is_no_parcel() -> None:
    assert pack([], [STANDARD]) == ()


lengths = st.integers(1, 120).map(lambda mm: Decimal(mm) / 10)
sizes = st.tuples(lengths, lengths, lengths)
kilos = st.integers(1, 9_000).map(lambda grams: Decimal(grams) / 1000)
items = st.lists(
    st.builds(Item, st.integers(0, 5), st.just("sku"), st.one_of(sizes, sizes, st.none()), kilos, st.booleans()),
    max_size=14,
)
boxes = st.lists(
    st.builds(
        Box,
        st.uuids().map(str),
        st.tuples(*[st.integers(5, 20).map(Decimal)] * 3),
        st.one_of(kilos, st.none()),
    ),
    max_size=4,
)


@given(items, boxes)
def test_every_item_is_in_exactly_one_parcel(items: list[Item], boxes: list[Box]) -> None:
    packed = pack(items, boxes)
    assert Counter(one for parcel in packed for one in parcel.items) == Counter(items)
    for parcel in packed:
        placed = tuple(place.item for place in parcel.places)
        assert placed == (parcel.items if parcel.items[0].measured else ())


@given(items, boxes)
def test_no_two_items_overlap_and_all_stay_inside_the_box_as_they_may_stand(
    items: list[Item], boxes: list[Box]
) -> None:
    for parcel in pack(items, boxes):
        for place in parcel.places:
            assert parcel.size_cm is not None
            ends = [at + length for at, length in zip(place.at_cm, place.size_cm, strict=True)]
            assert all(at >= 0 for at in place.at_cm)
            assert all(end <= inner for end, inner in zip(ends, parcel.size_cm, strict=True))
            assert place.size_cm in _allowed(place.item)
        assert not any(_overlap(a, b) for a, b in combinations(_spans(parcel), 2))


@given(items, boxes, st.one_of(kilos, st.none()))
def test_a_box_holds_no_more_than_its_weight_and_the_weight_is_the_sum(
    items: list[Item], boxes: list[Box], carrier: Decimal | None
) -> None:
    limits = {box.id: box.max_kg for box in boxes}
    for parcel in pack(items, boxes, max_kg=carrier):
        if parcel.size_cm:
            assert parcel.weight_kg == sum(one.weight_kg or 0 for one in parcel.items)
        if parcel.box:
            assert parcel.weight_kg is not None
            assert all(parcel.weight_kg <= limit for limit in (limits[parcel.box], carrier) if limit is not None)
        elif parcel.size_cm:
            assert len(parcel.items) == 1


@given(items, boxes, st.randoms())
def test_the_order_of_items_and_boxes_changes_nothing(items: list[Item], boxes: list[Box], random: Random) -> None:
    first = pack(items, boxes)
    random.shuffle(items)
    boxes.reverse()
    assert pack(items, boxes) == first


def _allowed(one: Item) -> Iterable[Size]:
    assert one.size_cm is not None
    length, width, height = one.size_cm
    if one.this_way_up:
        return [(length, width, height), (width, length, height)]
    return [(a, b, c) for a, b, c in permutations(one.size_cm)]


Span = list[tuple[Decimal, Decimal]]


def _spans(parcel: Parcel) -> list[Span]:
    return [
        [(at, at + length) for at, length in zip(place.at_cm, place.size_cm, strict=True)] for place in parcel.places
    ]


def _overlap(a: Span, b: Span) -> bool:
    return all(start < other_end and other < end for (start, end), (other, other_end) in zip(a, b, strict=True))
