"""Working days and hours: a country's weekend and public holidays, and the days a tenant is closed."""

from __future__ import annotations

import datetime as dt
import functools
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import Invalid
from shared.tools.reading import Fields

MOST_DAYS = 5_000
MOST_HOURS = 24 * 366
_SATURDAY = 5
_MIDNIGHT = dt.time(0)


@dataclass(frozen=True)
class Opening:
    """Opening hours of a working day by the wall clock of `time_zone` (IANA name).

    Closing at 00:00 means the end of the day, so 00:00-00:00 is open all day.
    """

    opens: dt.time
    closes: dt.time
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.closes != _MIDNIGHT and self.closes <= self.opens:
            raise Invalid.field("closes", "must be later than opens, or 00:00 for the end of the day")
        _zone(self.time_zone)

    @classmethod
    def read(cls, value: Mapping[str, object], field: str = "opening") -> Opening:
        """From a tenant's settings: {"opens": "09:00", "closes": "17:00", "time_zone": "Europe/Berlin"}."""
        fields = Fields.of(value, field)
        opens, closes = (_clock(fields.text(name), fields.at(name)) for name in ("opens", "closes"))
        return cls(opens, closes, fields.maybe_text("time_zone") or "UTC")

    def window(self, day: dt.date) -> tuple[dt.datetime, dt.datetime]:
        """Opening and closing moment of that day, in UTC: a change of the clocks counts as it is."""
        zone = _zone(self.time_zone)
        last = day if self.closes != _MIDNIGHT else day + dt.timedelta(days=1)
        opens = dt.datetime.combine(day, self.opens, zone)
        return opens.astimezone(dt.UTC), dt.datetime.combine(last, self.closes, zone).astimezone(dt.UTC)


def working_days(
    start: dt.date,
    n: int,
    country: str | None,
    region: str | None = None,
    closures: Iterable[dt.date] = (),
) -> dt.date:
    """The day n working days after `start`; when `start` is none, counting begins at the next working day.

    n = 0 gives the first working day on or after `start`. `country` is ISO 3166-1 alpha-2 and `region` its
    subdivision ("BE" of "DE" is Berlin), as library holidays knows them; without a country, Saturdays and
    Sundays are the weekend and there are no holidays. Raises Invalid for what it does not know and n > 5000.
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= MOST_DAYS:
        raise Invalid.field("n", f"must be an integer in 0..{MOST_DAYS}")
    found = _working(_date(start, "start"), _calendar(country, region), _dates(closures))
    for _ in range(n):
        next(found)
    return next(found)


def working_hours(
    start: dt.datetime,
    hours: float,
    opening: Opening,
    *,
    country: str | None = None,
    region: str | None = None,
    closures: Iterable[dt.date] = (),
) -> dt.datetime:
    """The moment, in UTC, at which `hours` of opening time have passed since `start` (aware).

    0 hours give `start` if it is open then, else the next opening. Work that ends with the day ends at
    closing time, not at the next opening. Raises Invalid as `working_days` does, and for hours outside
    0..8784.
    """
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 <= hours <= MOST_HOURS:
        raise Invalid.field("hours", f"must be a number in 0..{MOST_HOURS}")
    if not isinstance(start, dt.datetime) or start.utcoffset() is None:
        raise Invalid.field("start", "must be a time with its offset from UTC")
    left = dt.timedelta(hours=hours)
    try:
        first = start.astimezone(_zone(opening.time_zone)).date()
    except OverflowError:
        raise Invalid.field("start", "is outside the years 1 to 9999") from None
    for day in _working(first, _calendar(country, region), _dates(closures)):
        opens, closes = opening.window(day)
        begins = max(opens, start.astimezone(dt.UTC))
        if begins < closes and left <= closes - begins:
            return begins + left
        left -= max(closes - begins, dt.timedelta(0))
    raise AssertionError("the calendar ended without its Invalid")


def _working(day: dt.date, is_working: Callable[[dt.date], bool], closures: frozenset[dt.date]) -> Iterator[dt.date]:
    """Working days from `day` on, ascending."""
    while True:
        if is_working(day) and day not in closures:
            yield day
        if day >= dt.date.max - dt.timedelta(days=2):
            raise Invalid.field("start", "leads beyond the year 9999")
        day += dt.timedelta(days=1)


def _calendar(country: object, region: object) -> Callable[[dt.date], bool]:
    """Says of a day whether that place works on it."""
    if country is None:
        return lambda day: day.weekday() < _SATURDAY
    if not isinstance(country, str) or not re.fullmatch("[A-Z]{2}", country):
        raise Invalid.field("country", "must be an ISO 3166-1 code of two capitals")
    if region is not None and not isinstance(region, str):
        raise Invalid.field("region", "must be text")
    return _public_calendar(country, region)


@functools.lru_cache(maxsize=256)
def _public_calendar(country: str, region: str | None) -> Callable[[dt.date], bool]:
    import holidays  # 14 MB, not needed before the first question about a country

    try:
        calendar = holidays.country_holidays(country, subdiv=region)
    except NotImplementedError:
        wrong = "region" if country in holidays.list_supported_countries() else "country"
        raise Invalid.field(wrong, "has no calendar of public holidays here") from None
    known: Callable[[dt.date], bool] = calendar.is_working_day
    filling = threading.Lock()

    def working(day: dt.date) -> bool:
        with filling:  # it fills a year in when first asked for it, and calls it known before it is full
            return known(day)

    return working


def _dates(values: Iterable[dt.date]) -> frozenset[dt.date]:
    return frozenset(_date(value, f"closures[{index}]") for index, value in enumerate(values))


def _date(value: object, field: str) -> dt.date:
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise Invalid.field(field, "must be a date without a time")
    return value


def _clock(text: str, field: str) -> dt.time:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise Invalid.field(field, 'must be a time of day like "09:00"')
    return dt.time.fromisoformat(text)


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise Invalid.field("time_zone", "must be an IANA time zone like Europe/Berlin") from None
