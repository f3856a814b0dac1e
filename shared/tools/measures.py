"""Reads weights, lengths, places and days from the fields of a body: what is wrong is Invalid with its path.

Weights and lengths may be integers, floats or decimal text. A `maybe_` reader gives None for a missing field.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import Invalid
from shared.tools.geo import Point
from shared.tools.packing import Size
from shared.tools.reading import Fields, exact_decimal


def number(value: object, field: str) -> Decimal:
    """As `exact_decimal`, and a float too, read to nine places: 0.1 is 0.1."""
    if isinstance(value, float) and "." in (digits := f"{value:.9f}"):  # not so in "nan" and "inf"
        return exact_decimal(digits.rstrip("0").rstrip("."), field)
    if isinstance(value, float):
        raise Invalid.field(field, "must be a finite number")
    return exact_decimal(value, field)


def measure(value: object, field: str) -> Decimal:
    """A weight or length, which is not negative."""
    read = number(value, field)
    if read < 0:
        raise Invalid.field(field, "must not be negative")
    return read


def maybe_measure(fields: Fields, name: str) -> Decimal | None:
    value = fields.data.get(name)
    return None if value is None else measure(value, fields.at(name))


def maybe_positive(fields: Fields, name: str) -> Decimal | None:
    read = maybe_measure(fields, name)
    if read is not None and read == 0:
        raise Invalid.field(fields.at(name), "must be above 0")
    return read


def positive(fields: Fields, name: str) -> Decimal:
    read = maybe_positive(fields, name)
    if read is None:
        raise Invalid.field(fields.at(name), "is required")
    return read


def maybe_size(fields: Fields, name: str) -> Size | None:
    """Three lengths; None also when one of them is 0, which is a gap in the data and no length."""
    value = fields.data.get(name)
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise Invalid.field(fields.at(name), "must be three lengths: length, width, height")
    x, y, z = (measure(length, f"{fields.at(name)}[{at}]") for at, length in enumerate(value))
    return (x, y, z) if x and y and z else None


def maybe_point(fields: Fields) -> Point | None:
    """Its `lat` and `lon` in degrees; None unless both are there."""
    if fields.data.get("lat") is None or fields.data.get("lon") is None:
        return None
    return Point(_degrees(fields, "lat", 90), _degrees(fields, "lon", 180))


def at_least(fields: Fields, name: str, least: int) -> int:
    value = fields.integer(name)
    if value < least:
        raise Invalid.field(fields.at(name), f"must be at least {least}")
    return value


def country(fields: Fields, name: str = "country") -> str:
    """An ISO 3166-1 alpha-2 code, in capitals."""
    code = fields.text(name).upper()
    if not re.fullmatch("[A-Z]{2}", code):
        raise Invalid.field(fields.at(name), "must be an ISO 3166-1 code of two letters")
    return code


def zone(fields: Fields, name: str = "time_zone") -> ZoneInfo:
    try:
        return ZoneInfo(fields.text(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # ValueError for a name like "../x", OSError for a folder of the database like "Europe".
        raise Invalid.field(fields.at(name), "must be an IANA time zone like Europe/Berlin") from None


def time_of_day(fields: Fields, name: str) -> dt.time:
    text = fields.text(name)
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise Invalid.field(fields.at(name), 'must be a time of day like "15:00"')
    return dt.time.fromisoformat(text)


def day(value: object, field: str) -> dt.date:
    """A date, or its ISO 8601 text; a moment is no date, because its day depends on the zone."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        if isinstance(value, str):
            return dt.date.fromisoformat(value)
    except ValueError:
        pass
    raise Invalid.field(field, "must be a date as in ISO 8601")


def maybe_day(fields: Fields, name: str) -> dt.date | None:
    value = fields.data.get(name)
    return None if value is None else day(value, fields.at(name))


def days(fields: Fields, name: str) -> frozenset[dt.date]:
    return frozenset(day(value, f"{fields.at(name)}[{at}]") for at, value in enumerate(_list(fields, name)))


def texts(fields: Fields, name: str) -> list[str]:
    """A list of texts that are not empty, without the blanks around them."""
    values = _list(fields, name)
    for at, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            raise Invalid.field(f"{fields.at(name)}[{at}]", "must be a text that is not empty")
    return [str(value).strip() for value in values]


def _degrees(fields: Fields, name: str, limit: int) -> float:
    read = number(fields.data.get(name), fields.at(name))
    if abs(read) > limit:
        raise Invalid.field(fields.at(name), f"must be between -{limit} and {limit} degrees")
    return float(read)


def _list(fields: Fields, name: str) -> list[object]:
    value = fields.data.get(name)
    if value is None:
        return []
    if not isinstance(value, list | tuple | set | frozenset):
        raise Invalid.field(fields.at(name), "must be a list")
    return [*value]
