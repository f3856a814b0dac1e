"""Pages of a list: `{items, next_cursor}`, with a cursor that points behind the last item shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, literal, tuple_
from sqlalchemy.sql.elements import Tuple

from shared.errors import Invalid

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(-?\d{1,18}):([\x21-\x7e]{1,200})\Z")


class Cursor:
    """A moment and an id, as one opaque text."""

    @staticmethod
    def write(at: datetime, last: str) -> str:
        """The cursor behind the item of this moment and id."""
        return base64.urlsafe_b64encode(f"{(at - _EPOCH) // timedelta(microseconds=1)}:{last}".encode()).decode()

    @staticmethod
    def read(text: str) -> tuple[datetime, str]:
        """What a cursor points at. Raises `Invalid`."""
        try:
            match = _CURSOR.match(base64.b64decode(text, altchars=b"-_", validate=True).decode("ascii"))
            if match is None:
                raise ValueError("not a cursor")
            return _EPOCH + timedelta(microseconds=int(match[1])), match[2]
        except (ValueError, OverflowError, binascii.Error):
            raise Invalid.field("cursor", "must be the next_cursor of an earlier page") from None


def after(*order: tuple[Column[Any], object]) -> ColumnElement[bool]:
    """The rows behind these values in the ascending order of the columns: one comparison of rows, which both engines
    answer from where it begins in the index (of the same written with OR they read all rows before it)."""
    columns, values = _sides(order)
    return tuple_(*columns) > values


def before(*order: tuple[Column[Any], object]) -> ColumnElement[bool]:
    """As `after`, for the descending order."""
    columns, values = _sides(order)
    return tuple_(*columns) < values


def _sides(order: Sequence[tuple[Column[Any], object]]) -> tuple[list[Column[Any]], Tuple]:
    return [column for column, _ in order], tuple_(*(literal(value, column.type) for column, value in order))


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page; `next_cursor` is None on the last."""

    items: Sequence[T]
    next_cursor: str | None

    @classmethod
    def of(cls, rows: Sequence[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
        """A page from up to `limit` + 1 rows: one more than fits says that there is a next."""
        items = rows[:limit]
        return cls(items, cursor(items[-1]) if len(rows) > limit else None)
