"""The column types that every table uses: JSON that keeps decimals, moments as whole microseconds in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from events.jsontext import dumps, loads_own

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_REFERENCE = '{"$object":'


#: A number that counts for ever. SQLite's own integer has 64 bits already, and only it counts by itself there.
Count = BigInteger().with_variant(Integer(), "sqlite")


class JsonText(TypeDecorator[Any]):
    """A JSON value as text, read with decimals."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Value to text; None stays NULL."""
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """Text to value."""
        return None if value is None else loads_own(value)


class LargeJson(JsonText):
    """A JSON value that may be large: up to the limit it stands in its row, above it with the objects, by its name.

    What stands in a row as `{"$object": name}` was written by us: a value of that form is kept as an object itself.
    """

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Value to text. Raises `TryAgain` when an object cannot be kept now."""
        from shared.settings import settings

        text = super().process_bind_param(value, dialect)
        if text is None or (len(text) <= settings().inline_limit and not text.startswith(_REFERENCE)):
            return text
        from shared.objects import objects

        return dumps({"$object": objects().put(text.encode())})

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Text to value. Raises `Failed` for an object that is gone, `TryAgain` when it cannot be read now."""
        if value is None or not value.startswith(_REFERENCE):
            return super().process_result_value(value, dialect)
        from shared.objects import objects

        return loads_own(objects().get(loads_own(value)["$object"]).decode())


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
        return None if value is None else moment_of(value)


def moment_of(value: int) -> datetime:
    """The moment that a `Moment` column's number means. Raises `TypeError` or `OverflowError` for what is none."""
    return _EPOCH + value * _MICROSECOND
