"""The column types that every table uses: JSON that keeps decimals, moments as whole microseconds in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

from events.jsontext import dumps, loads

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class JsonText(TypeDecorator[Any]):
    """A JSON value as text, read with decimals."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Value to text; None stays NULL."""
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """Text to value."""
        return None if value is None else loads(value)


class Moment(TypeDecorator[datetime]):
    """An aware moment as microseconds since 1970 in UTC: it sorts, and no driver's time zone can touch it."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Moment to number; a naive one is a mistake."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment has a time zone")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Number to moment."""
        return None if value is None else moment(value)


def moment(microseconds: int) -> datetime:
    """The moment that stands in a `Moment` column as this number. Raises `OverflowError` where there is none."""
    return _EPOCH + microseconds * _MICROSECOND
