from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.geo import Point
from shared.tools.measures import day, days, maybe_point, maybe_size, measure, positive, texts, time_of_day, zone
from shared.tools.reading import Fields


@pytest.mark.parametrize(
    ("value", "read"),
    [(0.1, "0.1"), (0.1 + 0.2, "0.3"), (3, "3"), ("2.50", "2.50"), (5.0, "5"), (0.0, "0"), (1e9, "1000000000")],
)
def test_a_weight_may_be_an_integer_a_float_or_text(value: object, read: str) -> None:
    assert str(measure(value, "weight_kg")) == read


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5, "-1", True, None, "1e3", "1,5", "", [1], 1e300])
def test_anything_else_is_refused_by_its_path(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        measure(value, "lines[0].weight_kg")
    assert refused.value.problems[0].field == "lines[0].weight_kg"


@given(st.floats(0, 1e6))
def test_a_float_is_read_to_nine_places(value: float) -> None:
    assert abs(measure(value, "x") - Decimal(value)) <= Decimal("0.5e-9")


def test_a_length_of_0_is_a_gap_and_a_positive_number_is_above_0() -> None:
    assert maybe_size(Fields({"size": ["1", 2, 3.5]}), "size") == (Decimal(1), Decimal(2), Decimal("3.5"))
    assert maybe_size(Fields({"size": [1, 0, 1]}), "size") is None
    assert maybe_size(Fields({}), "size") is None
    with pytest.raises(Invalid, match="above 0"):
        positive(Fields({"max_kg": 0}), "max_kg")


def test_a_place_needs_both_its_coordinates() -> None:
    assert maybe_point(Fields({"lat": 52.52, "lon": "13.405"})) == Point(52.52, 13.405)
    assert maybe_point(Fields({"lat": 52.52})) is None
    with pytest.raises(Invalid, match="lon"):
        maybe_point(Fields({"lat": 0, "lon": 181}))


def test_a_moment_is_no_date_because_its_day_depends_on_the_zone() -> None:
    assert day("2026-12-03", "on") == day(dt.date(2026, 12, 3), "on") == dt.date(2026, 12, 3)
    for value in (dt.datetime(2026, 12, 3), "2026-12-03T00:00:00Z", "3.12.2026", 20261203, None):
        with pytest.raises(Invalid):
            day(value, "on")


def test_lists_are_read_item_by_item() -> None:
    fields = Fields({"closures": ["2026-12-24"], "countries": [" DE "], "name": "DE"}, "warehouses[0]")
    assert days(fields, "closures") == {dt.date(2026, 12, 24)}
    assert texts(fields, "countries") == ["DE"]
    assert texts(fields, "absent") == []
    with pytest.raises(Invalid) as refused:
        texts(fields, "name")
    assert refused.value.problems[0].field == "warehouses[0].name"


@pytest.mark.parametrize("clock", ["9:00", "24:00", "15:60", "15", "3 pm"])
def test_a_time_of_day_has_four_digits(clock: str) -> None:
    assert time_of_day(Fields({"cut_off": "15:00"}), "cut_off") == dt.time(15)
    with pytest.raises(Invalid):
        time_of_day(Fields({"cut_off": clock}), "cut_off")


@pytest.mark.parametrize("name", ["Mars/Base", "Europe", "../../etc/passwd", "/etc/localtime"])
def test_a_zone_is_an_iana_name_and_no_file(name: str) -> None:
    with pytest.raises(Invalid):
        zone(Fields({"time_zone": name}))
