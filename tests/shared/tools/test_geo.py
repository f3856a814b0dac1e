from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.geo import EARTH_RADIUS_KM, Point, great_circle_km

BERLIN, PARIS = Point(52.5200, 13.4050), Point(48.8566, 2.3522)
points = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


def test_berlin_to_paris_is_877_5_km() -> None:
    assert great_circle_km(BERLIN, PARIS) == pytest.approx(877.5, abs=0.05)


def test_heathrow_to_kennedy_is_what_the_directory_page_gives() -> None:
    assert great_circle_km((51.4700, -0.4543), (40.6413, -73.7781)) == pytest.approx(5540.02, abs=0.005)


def test_opposite_points_are_half_a_circumference_apart() -> None:
    assert great_circle_km((0, 0), (0, 180)) == pytest.approx(math.pi * EARTH_RADIUS_KM)
    assert great_circle_km((90, 0), (-90, 77)) == pytest.approx(math.pi * EARTH_RADIUS_KM)


def test_the_date_line_is_no_border() -> None:
    assert great_circle_km((0, 179.5), (0, -179.5)) == pytest.approx(math.pi * EARTH_RADIUS_KM / 180)


@given(points, points)
def test_a_distance_is_symmetric_and_agrees_with_the_angle_between_the_two_vectors(a: Point, b: Point) -> None:
    km = great_circle_km(a, b)
    assert km == pytest.approx(great_circle_km(b, a))
    assert km == pytest.approx(EARTH_RADIUS_KM * _angle(a, b), abs=1e-6)


def _angle(a: Point, b: Point) -> float:
    """The angle between two directions by the cross and dot product: another formula than the haversine."""
    u, v = _vector(a), _vector(b)
    cross = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    return math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(u, v, strict=True)))


def _vector(point: Point) -> tuple[float, float, float]:
    lat, lon = math.radians(point.lat), math.radians(point.lon)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


@pytest.mark.parametrize(
    ("a", "b", "field"),
    [
        ((91, 0), (0, 0), "a.lat"),
        ((0, 0), (0, -180.1), "b.lon"),
        ((math.nan, 0), (0, 0), "a.lat"),
        ((0, 0), (math.inf, 0), "b.lat"),
    ],
)
def test_a_place_that_is_not_on_earth_is_refused_by_name(
    a: tuple[float, float], b: tuple[float, float], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        great_circle_km(a, b)
    assert refused.value.problems[0].field == field
