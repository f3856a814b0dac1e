"""Working days and hours skip weekends, public holidays and closures, and count what the role pages count."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.working_time import Opening, _public_calendar, working_days, working_hours

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Opening(dt.time(9), dt.time(17), "Europe/Berlin")
DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2060, 12, 31))


def _december(day: int) -> dt.date:
    return dt.date(2026, 12, day)


def _berlin(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 12, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        (12, 0, 14),  # accepted after Friday's cut-off: Monday
        (14, 1, 15),  # handling 1: ships Tuesday
        (15, 2, 17),  # transit 2 to 3: Thursday to Friday
        (15, 3, 18),
        (22, 1, 23),  # accepted Tuesday 22: over Christmas Monday 28 to Tuesday 29
        (23, 2, 28),
        (23, 3, 29),
        (25, 0, 28),
    ],
)
def test_delivery_days_of_the_role_page(start: int, n: int, end: int) -> None:
    """The dates of fulfilment_planner's proof, in Berlin."""
    assert working_days(_december(start), n, "DE", "BE") == _december(end)


def test_priority_2_ticket_is_due_on_monday() -> None:
    """Received Friday 2026-12-11 16:00, open 9-17, 8 hours: Monday 14 December 16:00."""
    assert working_hours(_berlin(11, 16), 8, OFFICE, country="DE") == _berlin(14, 16)


@pytest.mark.parametrize(("country", "first"), [("IL", 13), ("DE", 14), (None, 14), ("IR", 12)])
def test_a_weekend_is_the_countrys_own(country: str | None, first: int) -> None:
    """After Friday 11 December 2026: Sunday in Israel, Monday in Germany, Saturday in Iran."""
    assert working_days(_december(11) + dt.timedelta(days=1), 0, country) == _december(first)


def test_regions_have_their_own_holidays() -> None:
    """6 January is a holiday in Bavaria and not in Berlin."""
    epiphany = dt.date(2026, 1, 6)
    assert working_days(epiphany, 0, "DE", "BE") == epiphany
    assert working_days(epiphany, 0, "DE", "BY") == dt.date(2026, 1, 7)


def test_closures_of_the_tenant_are_skipped() -> None:
    """A day on which the tenant is closed is no working day, neither for days nor for hours."""
    closed = [_december(14), _december(15)]
    assert working_days(_december(12), 0, "DE", closures=closed) == _december(16)
    assert working_hours(_berlin(11, 16), 2, OFFICE, country="DE", closures=closed) == _berlin(16, 10)


@given(DAYS, st.integers(0, 400), st.lists(DAYS, max_size=5))
def test_days_agree_with_numpys_business_days(start: dt.date, n: int, closures: list[dt.date]) -> None:
    """Without a country: numpy.busday_offset rolling forward."""
    theirs = numpy.busday_offset(start, n, roll="forward", holidays=closures).astype(dt.date)
    assert working_days(start, n, None, closures=closures) == theirs


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (_berlin(14, 9), 8, _berlin(14, 17)),  # ends at closing time, not at the next opening
        (_berlin(14, 7), 0, _berlin(14, 9)),
        (_berlin(14, 17), 0, _berlin(15, 9)),
        (_berlin(14, 12, 30), 0, _berlin(14, 12, 30)),
        (_berlin(14, 16), 0.5, _berlin(14, 16, 30)),
        (_berlin(24, 16), 2, _berlin(28, 10)),
    ],
)
def test_hours_count_only_while_open(start: dt.datetime, hours: float, end: dt.datetime) -> None:
    """Before opening, after closing and over Christmas no time passes."""
    assert working_hours(start, hours, OFFICE, country="DE") == end


def test_a_change_of_the_clocks_counts_at_its_real_length() -> None:
    """Open round the clock, the night of 25 October 2026 has one hour more in Berlin."""
    always = Opening(dt.time(0), dt.time(0), "Europe/Berlin")
    friday = dt.datetime(2026, 10, 23, 12, tzinfo=BERLIN)
    assert working_hours(friday, 24, always) == dt.datetime(2026, 10, 26, 12, tzinfo=BERLIN)
    israel = working_hours(dt.datetime(2026, 10, 25, 0, tzinfo=BERLIN), 24, always, country="IL")
    assert israel == dt.datetime(2026, 10, 25, 23, tzinfo=BERLIN)


@given(
    st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)),
    st.integers(0, 500),
    st.integers(0, 500),
)
def test_hours_add_up(start: dt.datetime, first: int, second: int) -> None:
    """Two spans one after the other end where their sum ends, and within opening hours."""
    opening = Opening(dt.time(9), dt.time(17))
    there = working_hours(working_hours(start, first, opening), second, opening)
    at_once = working_hours(start, first + second, opening)
    assert there == at_once or (second == 0 and at_once.hour == opening.closes.hour)
    assert at_once >= start
    assert opening.opens <= at_once.time() <= opening.closes


def test_opening_hours_come_from_settings() -> None:
    """A tenant's settings read as opening hours; wrong ones are named."""
    settings = {"opens": "09:00", "closes": "17:00", "time_zone": "Europe/Berlin"}
    assert Opening.read(settings) == OFFICE
    for wrong, field in (
        ({"opens": "9"}, "opening.opens"),
        ({"closes": "25:00"}, "opening.closes"),
        ({"closes": "08:00"}, "closes"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"opens": 9}, "opening.opens"),
    ):
        with pytest.raises(Invalid) as caught:
            Opening.read({**settings, **wrong})
        assert caught.value.problems[0].field == field


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((_december(1), -1, None), "n"),
        ((_december(1), True, None), "n"),
        ((_december(1), 10**9, None), "n"),
        (("2026-12-01", 1, None), "start"),
        ((_berlin(1, 9), 1, None), "start"),
        ((_december(1), 1, "XX"), "country"),
        ((_december(1), 1, "de"), "country"),
        ((_december(1), 1, 49), "country"),
        ((_december(1), 1, ["DE"]), "country"),
        ((_december(1), 1, "DE", 5), "region"),
        ((_december(1), 1, "DE", "ZZ"), "region"),
        ((_december(1), 1, "DE", None, ["2026-12-01"]), "closures[0]"),
        ((dt.date.max, 1, None), "start"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[Any, ...], field: str) -> None:
    """Wrong types, unknown places and endless spans are Invalid."""
    with pytest.raises(Invalid) as caught:
        working_days(*arguments)
    assert caught.value.problems[0].field == field


@pytest.mark.parametrize(
    ("start", "hours", "field"),
    [
        (dt.datetime(2026, 12, 1), 1, "start"),
        (_berlin(1, 9), -1, "hours"),
        (_berlin(1, 9), float("nan"), "hours"),
        (_berlin(1, 9), "8", "hours"),
        (dt.datetime.max.replace(tzinfo=dt.UTC), 9, "start"),
    ],
)
def test_wrong_hours_are_named(start: Any, hours: Any, field: str) -> None:
    """A time without its offset, or hours that are no sensible number, are Invalid."""
    with pytest.raises(Invalid) as caught:
        working_hours(start, hours, OFFICE)
    assert caught.value.problems[0].field == field


def test_who_asks_while_a_year_is_filled_in_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calendar fills a year in when it is first asked for it; another thread may ask at that moment."""
    christmas = dt.date(2026, 12, 25)
    fill = holidays.countries.Germany._populate
    answers: list[dt.date] = []
    others: list[threading.Thread] = []

    def ask() -> None:
        answers.append(working_days(christmas, 0, country="DE"))

    def slowly(calendar: Any, year: int) -> None:
        if not others:
            others.append(threading.Thread(target=ask))
            others[0].start()
            others[0].join(0.2)  # without waiting for us it has answered by then
        fill(calendar, year)

    monkeypatch.setattr(holidays.countries.Germany, "_populate", slowly)
    _public_calendar.cache_clear()
    ask()
    others[0].join()
    assert answers == [dt.date(2026, 12, 28)] * 2
