"""The ways to write a date in one locale, and what a date as written means."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass

from shared.tools.notation import BOUND, LETTERS, Notation


@dataclass(frozen=True)
class PartialDate:
    """A date as written, perhaps without its year or its day."""

    month: int
    day: int | None = None
    year: int | None = None

    def means(self, day: dt.date) -> bool:
        """Whether all that was written fits that day."""
        return self.month == day.month and self.day in (None, day.day) and self.year in (None, day.year)


Reader = Callable[[re.Match[str]], PartialDate | None]


class DateReader:
    """The ways to write a date in one locale; a reader gives None for a day that no calendar has."""

    def __init__(self, here: Notation) -> None:
        """Takes the month names and the order of day and month from the locale's notation."""
        self.here = here
        names = "|".join(re.escape(name) for name in sorted(here.months, key=len, reverse=True))
        self.month = rf"(?P<month>(?i:{names}))(?![{LETTERS}])\.?"

    def patterns(self) -> list[tuple[str, Reader]]:
        """Patterns with their readers, the longer ways first."""
        day, year, month = r"(?P<day>\d{1,2})", r"(?P<year>\d{4})", r"(?P<month>\d{1,2})"
        first, mark, second = r"(?P<first>\d{1,2})", r"(?P<mark>[./-])\s?", r"(?P<second>\d{1,2})"
        again, short_year = r"(?P=mark)\s?", r"(?P<year>\d{4}|\d{1,2})"
        ordinal, of = r"(?:st|nd|rd|th|er|re|de|\.|º|ª)?", r"(?:\s+(?:of|de|d['’]))?"
        name, word = self.month, rf"(?<![{LETTERS}])"
        # Where the decimal sign is a point, "12.03" is a number, also before the point that ends a sentence.
        without_year = [(rf"{BOUND}{first}\.{second}\.?(?![\d.,])", self._ordered)] if self.here.date_dot else []
        return [
            (rf"{BOUND}{year}-{month}-{day}(?![\d-])", self._plain),
            (rf"(?:{year}\s?[年년]\s?)?{month}\s?[月월]\s?(?:{day}\s?[日일])?", self._plain),
            (rf"{BOUND}{year}{mark}{month}{again}{day}(?![\d/-])", self._plain),
            (rf"{BOUND}{first}{mark}{second}{again}{short_year}(?![\d/-])", self._ordered),
            (rf"{BOUND}{year}[.,]?\s+{name}\s+{day}(?!\d)", self._named),
            (rf"{BOUND}{day}{ordinal}{of}[\s-]+{name}(?:,?{of}[\s-]+{year}(?!\d))?", self._named),
            (rf"{word}{name}\s+{day}(?:st|nd|rd|th)?(?!\d)(?:,?\s+{year}(?!\d))?", self._named),
            (rf"{word}{name}{of}\s+{year}(?!\d)", self._named),
            (rf"{BOUND}{first}/{second}(?![\d/])", self._ordered),
            *without_year,
        ]

    def _plain(self, match: re.Match[str]) -> PartialDate | None:
        return _date(match["year"], int(match["month"]), match["day"])

    def _named(self, match: re.Match[str]) -> PartialDate | None:
        groups = match.groupdict()
        month = self.here.months[match["month"].lower().rstrip(".")]
        return _date(groups.get("year"), month, groups.get("day"))

    def _ordered(self, match: re.Match[str]) -> PartialDate | None:
        first, second, last = match["first"], match["second"], match.groupdict().get("year")
        if last and len(last) < 4 and self.here.year_first:  # 26. 12. 3. in Korea
            return _date(first, int(second), last) if len(first) == 2 else None
        if last and len(last) == 1:
            return None
        day, month = (first, second) if self.here.day_first else (second, first)
        return _date(last, int(month), day)


def _date(year: str | None, month: int, day: str | None) -> PartialDate | None:
    """None for a day that no calendar has; a year of two digits is of this century."""
    full = None if year is None else int(year) + (2000 if len(year) == 2 else 0)
    try:
        dt.date(full or 2000, month, int(day or 1))
    except ValueError:
        return None
    return PartialDate(month, int(day) if day else None, full)
