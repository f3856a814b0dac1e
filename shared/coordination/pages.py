"""Pages of a list: `{items, next_cursor}`, with a cursor that points behind the last item shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

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
