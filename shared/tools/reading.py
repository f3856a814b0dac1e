"""Reads fields of untyped data (JSON from outside) strictly; what is wrong is Invalid with its path."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from shared.errors import Invalid

MAX_TEXT = 10_000
MAX_ITEMS = 10_000
MAX_PLACES = 12
LIMIT = Decimal(10) ** 15
_T = TypeVar("_T")
_NUMERAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")


def exact_decimal(value: object, field: str) -> Decimal:
    """A Decimal from a Decimal, an integer or plain decimal text ("-12.50").

    Raises Invalid for a float, a bool, NaN, infinity, an exponent in text, a magnitude of 10^15 or more, and
    more than 12 decimal places: with those bounds every sum and product here stays exact.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise Invalid.field(field, f"must be a decimal as text or an integer, not {_kind(value)}")
    if isinstance(value, str) and not _NUMERAL.fullmatch(value):
        raise Invalid.field(field, 'must be a decimal number like "12.50"')
    # An integer is compared before it becomes a Decimal: turning a huge one into digits takes quadratic time.
    if isinstance(value, int) and abs(value) >= LIMIT:
        raise Invalid.field(field, "must be smaller than 10^15")
    number = Decimal(value)
    if not number.is_finite():
        raise Invalid.field(field, "must be a finite number")
    if abs(number) >= LIMIT:
        raise Invalid.field(field, "must be smaller than 10^15")
    if decimal_places(number) > MAX_PLACES:
        raise Invalid.field(field, f"must have at most {MAX_PLACES} decimal places")
    if number.is_zero():  # neither "-0.00" nor "0E+99"
        return Decimal(0).scaleb(-decimal_places(number))
    return number


def decimal_places(number: Decimal) -> int:
    """Digits after the decimal point as written: 3 for 90.000, 0 for 9E+1."""
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def moment(value: object, field: str) -> dt.datetime:
    """An aware datetime in UTC from a datetime or ISO 8601 text; one without an offset is Invalid."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise Invalid.field(field, "must be a time as in ISO 8601") from None
    if not isinstance(value, dt.datetime):
        raise Invalid.field(field, f"must be a time as in ISO 8601, not {_kind(value)}")
    if value.utcoffset() is None:
        raise Invalid.field(field, "must carry its offset from UTC")
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise Invalid.field(field, "is outside the years 1 to 9999") from None


def mapping(value: object, field: str) -> Mapping[str, object]:
    """The value as an object with text keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise Invalid.field(field, f"must be an object, not {_kind(value)}")
    return value


@dataclass(frozen=True)
class Fields:
    """One object and its path; each method reads one field of it.

    `maybe_` methods give None for a field that is absent or null; the others refuse it.
    """

    data: Mapping[str, object]
    path: str = ""

    @classmethod
    def of(cls, value: object, path: str = "") -> Fields:
        """Raises Invalid when the value is no object."""
        return cls(mapping(value, path or "body"), path)

    def at(self, name: str) -> str:
        """The path of a field, as errors name it."""
        return f"{self.path}.{name}" if self.path else name

    def maybe_text(self, name: str) -> str | None:
        """Text of at most 10,000 characters; blanks around it are dropped and empty text is None."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Invalid.field(self.at(name), f"must be text, not {_kind(value)}")
        if len(value) > MAX_TEXT:
            raise Invalid.field(self.at(name), f"must have at most {MAX_TEXT} characters")
        return value.strip() or None

    def maybe_decimal(self, name: str) -> Decimal | None:
        value = self.data.get(name)
        return None if value is None else exact_decimal(value, self.at(name))

    def maybe_integer(self, name: str) -> int | None:
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid.field(self.at(name), f"must be an integer, not {_kind(value)}")
        if abs(value) >= LIMIT:
            raise Invalid.field(self.at(name), "must be smaller than 10^15")
        return value

    def maybe_flag(self, name: str) -> bool | None:
        value = self.data.get(name)
        if value is not None and not isinstance(value, bool):
            raise Invalid.field(self.at(name), f"must be true or false, not {_kind(value)}")
        return value

    def maybe_moment(self, name: str) -> dt.datetime | None:
        value = self.data.get(name)
        return None if value is None else moment(value, self.at(name))

    def maybe_object(self, name: str) -> Fields | None:
        value = self.data.get(name)
        return None if value is None else Fields.of(value, self.at(name))

    def text(self, name: str) -> str:
        return _required(self.maybe_text(name), self.at(name))

    def decimal(self, name: str) -> Decimal:
        return _required(self.maybe_decimal(name), self.at(name))

    def integer(self, name: str) -> int:
        return _required(self.maybe_integer(name), self.at(name))

    def flag(self, name: str) -> bool:
        return _required(self.maybe_flag(name), self.at(name))

    def moment(self, name: str) -> dt.datetime:
        return _required(self.maybe_moment(name), self.at(name))

    def object(self, name: str) -> Fields:
        return _required(self.maybe_object(name), self.at(name))

    def objects(self, name: str) -> list[Fields]:
        """A list of objects, at most 10,000; an absent one is empty."""
        value = self.data.get(name)
        if value is None:
            return []
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise Invalid.field(self.at(name), f"must be a list, not {_kind(value)}")
        if len(value) > MAX_ITEMS:
            raise Invalid.field(self.at(name), f"must have at most {MAX_ITEMS} items")
        return [Fields.of(item, f"{self.at(name)}[{index}]") for index, item in enumerate(value)]


def _required(value: _T | None, field: str) -> _T:
    if value is None:
        raise Invalid.field(field, "is required")
    return value


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
