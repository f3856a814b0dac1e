"""Finds in a text what it claims: links, addresses, dates, times, money, percentages, ids and numbers.

The kinds are looked for in the order of `_kinds`; what one has read is blanked out for those after it, and
whatever digits remain in the end are claims as well: no digit escapes.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from shared.tools.claim_dates import DateReader, PartialDate
from shared.tools.notation import BOUND, GAP, LETTERS, Notation, notation

# Repetitions have bounds so that no text, however hostile, takes quadratic time.
LINK = re.compile(
    r"(?i:[a-z][a-z0-9+.-]{0,30}://[^\s<>\"]+|www\.[^\s<>\"]+)"
    r"|(?<![\w@.-])(?:[\w-]{1,63}\.){1,8}(?P<top>[^\W\d_]{2,63})(?![\w@])(?:[:/][^\s<>\"]*)?"
)
_MAILBOX = r"[^\s\0@<>()\[\]\"',;:]"
EMAIL = re.compile(rf"{_MAILBOX}{{1,64}}@(?:{_MAILBOX}{{0,250}}[^\s\0@<>()\[\]\"',;:.!?])?")
# International with + or 00, an area code in brackets or with 0, or the American 3-3-4; all but the first never
# within a grouped number such as 1.000.000.000.
PHONE = re.compile(
    r"(?<![\w+])(?:\+\d[\d\s().\-/]{5,24}\d|(?<!\d[\s.,'’])(?:00\d[\d\s().\-/]{5,24}\d|\(\d{1,5}\)[\d\s.\-/]{4,20}\d"
    r"|0\d{1,5}[ \-/][\d \-/]{3,20}\d|\d{3}[\-. ]\d{3}[\-. ]\d{4}))(?!\w)"
)
CLOCK = re.compile(rf"{BOUND}([01]?\d|2[0-3])[:h]([0-5]\d)(?::[0-5]\d)?(?:\s?([ap])\.?m\b\.?)?(?![\d:])", re.I)
WORD = re.compile(rf"#?[0-9{LETTERS}][0-9_#/{LETTERS}-]*")
LEFTOVER = re.compile(r"\d[\d.,'’]*")
LIST_MARK = re.compile(r"(?m)^[^\S\n]{0,20}\d{1,2}[.)](?=\s)")
ID_GROUPS = re.compile(r"(?=(?:-?\d){7})\d+(?:-\d+)+")  # fewer than 7 digits are a range such as 3-5
PERCENT = r"(?:[%٪％]|(?i:per ?cent|prozent|procent|pour cent|por ciento|per cento|por cento)\b)"
MULTIPLIER = r"(?i:k|m|mio|mln|mrd|bn|tsd|tys|thousand|million\w*|milliard\w*|milion\w*|billion\w*|tausend|mille)"
BLANK = "\0"
FILE_NAMES = frozenset({"pdf", "csv", "jpg", "jpeg", "png", "txt", "docx", "xlsx"})


@dataclass(frozen=True)
class Amount:
    """Money as written: a sign such as "kr" may stand for several currencies."""

    amount: Decimal
    currencies: frozenset[str]


@dataclass(frozen=True)
class Count:
    """A number, its digits as written, and the word after it, if there is one."""

    number: Decimal
    written: str
    unit: str | None


class Skip(enum.Enum):
    """A match that is nothing of this kind after all: left to the kinds that follow."""

    SKIP = enum.auto()


Value = str | dt.time | PartialDate | Amount | Count | Decimal | None
Reader = Callable[[re.Match[str]], Value | Skip]


@dataclass(frozen=True)
class Found:
    """One claim at `start`; `value` is None when it cannot be read in the text's locale."""

    kind: str
    text: str
    start: int
    value: Value


class Finder(Protocol):
    """What finds matches in a text: a pattern, or something that looks further."""

    def finditer(self, text: str, /) -> Iterator[re.Match[str]]:
        """The matches in the order of the text; none overlaps another."""
        ...


def find_claims(text: str, locale: str, known: Finder | None = None) -> list[Found]:
    """All claims in the order of the text; `known` matches wordings that a fact holds literally."""
    rest = ascii_digits(text)
    found: list[Found] = []
    for kind, pattern, read in _kinds(locale):
        finder: Finder = pattern
        if kind == "literal":
            if known is None:
                continue
            finder = known
        taken: list[tuple[int, int]] = []
        for match in finder.finditer(rest):
            value = read(match)
            if not isinstance(value, Skip):
                taken.append(match.span())
                if kind != "mark":
                    written = text[match.start() : match.end()]
                    found.append(Found(kind, _trimmed(kind, written), match.start(), value))
        rest = _blanked(rest, taken)
    return sorted(found, key=lambda claim: claim.start)


def ascii_digits(text: str) -> str:
    """The digits of all scripts as 0-9, character by character."""
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


@functools.lru_cache(maxsize=64)
def _kinds(locale: str) -> list[tuple[str, re.Pattern[str], Reader]]:
    here = notation(locale)
    number, multiple = here.number, rf"(?P<more>{GAP}{MULTIPLIER}(?![{LETTERS}]))?"
    minus = r"(?P<minus>(?<![\w.,])[-−])?"
    before = rf"{minus}(?P<currency>{here.currency}){GAP}(?P<lower>[-−])?(?P<number>{here.digits}){multiple}"
    after = rf"{minus}(?P<number>{number}){GAP}(?P<currency>{here.currency})"
    money, count = functools.partial(_read_money, here), functools.partial(_read_count, here)
    return [
        ("url", LINK, _read_link),
        ("email", EMAIL, _read_text),
        ("literal", LEFTOVER, _read_text),
        *(("date", re.compile(pattern), read) for pattern, read in DateReader(here).patterns()),
        ("phone", PHONE, _read_phone),
        ("time", CLOCK, _read_time),
        ("money", re.compile(before), money),
        ("money", re.compile(after), money),
        (
            "percent",
            re.compile(rf"{minus}(?P<number>{number}){GAP}{PERCENT}"),
            functools.partial(_read_percent, here),
        ),
        ("mark", LIST_MARK, _read_text),
        ("id", WORD, _read_id),
        ("number", re.compile(rf"{minus}(?P<number>{number})(?:[\s-]?(?P<unit>[^\W\d_]+))?"), count),
        ("number", LEFTOVER, _read_nothing),
    ]


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], BLANK * (stop - start)]
        end = stop
    return "".join([*parts, text[end:]])


def _trimmed(kind: str, written: str) -> str:
    return written.rstrip(".,;:!?)'’”") if kind == "url" else written.strip()


def _read_text(match: re.Match[str]) -> Value:
    return match[0]


def _read_nothing(_match: re.Match[str]) -> None:
    """Digits that are no numeral of this locale: nothing supports them."""


def _read_link(match: re.Match[str]) -> Value | Skip:
    top = match["top"]
    if top and (top != top.lower() and top != top.upper()):
        return Skip.SKIP  # a blank forgotten after a full stop
    if top and match.end("top") == match.end() and (top in FILE_NAMES or _digits_before(match)):
        return Skip.SKIP
    return _trimmed("url", match[0])


def _digits_before(match: re.Match[str]) -> bool:
    """Whether the name before the last dot is a number: "12.Dezember"."""
    return match[0].rsplit(".", 2)[-2].isdecimal()


def _read_phone(match: re.Match[str]) -> Value | Skip:
    digits = re.sub(r"\D", "", match[0])
    return match[0] if 7 <= len(digits) <= 17 else Skip.SKIP


def _read_time(match: re.Match[str]) -> Value:
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return dt.time(hour, minute)


def _read_money(here: Notation, match: re.Match[str]) -> Value:
    groups = match.groupdict()
    if groups.get("more"):
        return None
    value = here.parse_number(match["number"])
    negative = bool(groups.get("minus")) != bool(groups.get("lower"))
    return Amount(-value if negative else value, here.currencies(match["currency"]))


def _read_percent(here: Notation, match: re.Match[str]) -> Value:
    value = here.parse_number(match["number"])
    return -value if match["minus"] else value


def _read_count(here: Notation, match: re.Match[str]) -> Value:
    unit = match["unit"]
    if unit and re.fullmatch(MULTIPLIER, unit):
        return None
    value = here.parse_number(match["number"])
    return Count(-value if match["minus"] else value, match["number"], unit.casefold() if unit else None)


def _read_id(match: re.Match[str]) -> Value | Skip:
    """Letters with a digit after them (SO-1042, 1Z999AA1), digits after "#", or long groups of digits."""
    word = match[0].rstrip("#/-")
    if ID_GROUPS.fullmatch(word) or re.search(rf"[{LETTERS}#].*\d", word):
        return word.lstrip("#") if word.count("#") == 1 else word
    return Skip.SKIP
