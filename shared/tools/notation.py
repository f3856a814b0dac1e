"""How a locale writes numbers, currencies and dates: CLDR by babel, as pieces of regular expressions."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from shared.errors import Invalid
from shared.tools.tables.currencies import MINOR_UNITS

if TYPE_CHECKING:
    from babel import Locale

BLANKS = " \u00a0\u202f\u2009"
# Marks of writing direction that formatted amounts of right-to-left locales contain.
GAP = r"[\s\u200e\u200f\u061c]{0,3}"
# Letters of scripts that put blanks between words: a digit right after one belongs to a word such as "v12".
LETTERS = r"A-Za-z\u00c0-\u024f\u0370-\u052f"
BOUND = rf"(?<![0-9_{LETTERS}])(?<!\d[.,'’])"

# Signs as their own countries write them, which CLDR gives only in those countries' locales.
NATIVE_SIGNS = {
    "€": "EUR", "£": "GBP", "$": "USD CAD AUD NZD SGD HKD MXN", "US$": "USD", "¥": "JPY CNY", "￥": "JPY CNY",
    "zł": "PLN", "Kč": "CZK", "kr": "SEK NOK DKK ISK", "kr.": "SEK NOK DKK ISK", "Ft": "HUF", "lei": "RON",
    "₺": "TRY", "₴": "UAH", "₽": "RUB", "₹": "INR", "₪": "ILS", "₩": "KRW", "R$": "BRL", "₫": "VND",
    "฿": "THB",
}  # fmt: skip
# Words that people use and CLDR's full names ("US dollars") do not hold.
COMMON_NAMES = {
    "euro": "EUR", "euros": "EUR", "eur": "EUR", "usd": "USD", "gbp": "GBP", "pln": "PLN", "chf": "CHF",
    "dollar": "USD CAD AUD NZD SGD HKD", "dollars": "USD CAD AUD NZD SGD HKD",
    "pound": "GBP EGP", "pounds": "GBP EGP", "franken": "CHF", "francs": "CHF XOF XAF",
    "zloty": "PLN", "złoty": "PLN", "złote": "PLN", "złotych": "PLN", "yen": "JPY", "kronor": "SEK",
    "kroner": "NOK DKK", "korun": "CZK", "forint": "HUF", "rupees": "INR PKR LKR",
}  # fmt: skip


@dataclass(frozen=True)
class Notation:
    """One locale's way of writing: `digits`, `number` (digits with bounds) and `currency` are patterns."""

    groups: str
    decimal: str
    digits: str
    number: str
    currency: str
    signs: Mapping[str, frozenset[str]]
    months: Mapping[str, int]
    day_first: bool
    year_first: bool
    date_dot: bool

    def parse_number(self, text: str) -> Decimal:
        """The value of what `digits` matched."""
        return Decimal(re.sub(f"[{re.escape(self.groups)}]", "", text).replace(self.decimal, "."))

    def currencies(self, sign: str) -> frozenset[str]:
        """ISO codes that a sign or a name can mean here."""
        return self.signs.get(sign) or self.signs.get(sign.casefold(), frozenset())


@functools.lru_cache(maxsize=64)
def notation(locale: str) -> Notation:
    """The notation of a locale such as "de_DE" or "pt-BR"; Invalid for one that CLDR does not know."""
    from babel import Locale, UnknownLocaleError
    from babel.numbers import get_decimal_symbol, get_group_symbol

    try:
        cldr = Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        raise Invalid.field("locale", "must be a locale of CLDR like de_DE") from None
    group, decimal = get_group_symbol(cldr), get_decimal_symbol(cldr)
    groups = BLANKS if group in BLANKS else "'’" if group in "'’" else group
    signs = _signs(cldr)
    pattern = _month_day(cldr)
    digits = _digits(groups, decimal, cldr.decimal_formats[None].grouping[1])
    return Notation(
        groups=groups,
        decimal=decimal,
        digits=digits,
        number=BOUND + digits,
        currency=_alternatives(signs),
        signs=signs,
        months=_months(cldr),
        year_first=str(cldr.date_formats["short"].pattern).startswith("y"),
        day_first=pattern.find("d") < pattern.find("M"),
        date_dot="." in pattern and decimal != ".",
    )


def _digits(groups: str, decimal: str, size: int) -> str:
    """Grouped digits ("12.345", in India "1,23,456") or plain ones, decimal places, and the numeral ends."""
    mark = f"[{re.escape(groups)}]"
    grouped = rf"\d{{1,{size}}}(?:{mark}\d{{{size}}})*{mark}\d{{3}}"
    return rf"(?:{grouped}|\d+)(?:{re.escape(decimal)}\d+)?(?!\d|[.,'’]\d)"


def _signs(cldr: Locale) -> dict[str, frozenset[str]]:
    from babel.numbers import get_currency_name

    signs: dict[str, frozenset[str]] = {sign: frozenset(codes.split()) for sign, codes in NATIVE_SIGNS.items()}
    signs |= {name: frozenset(codes.split()) for name, codes in COMMON_NAMES.items()}
    for code in MINOR_UNITS:
        for count in (1, 2, 5, Decimal("1.5")):
            name = get_currency_name(code, count=count, locale=cldr).casefold()
            signs[name] = frozenset({code})
    # The locale's own reading of a sign wins over all that it can mean elsewhere: "$" in Canada.
    signs |= {sign: frozenset({code}) for code, sign in cldr.currency_symbols.items() if code in MINOR_UNITS}
    signs |= {code: frozenset({code}) for code in MINOR_UNITS}
    return signs


def _alternatives(signs: Iterable[str]) -> str:
    """Any of the signs, the longest first; names in small letters match in any case, codes as they are. By first
    character, for there are some thousand: at most places of a text none of them is looked at."""
    by_first: dict[str, list[str]] = {}
    for sign in sorted(signs, key=len, reverse=True):
        escaped = re.escape(sign)
        if sign[-1].isalpha():
            escaped = rf"{escaped}(?![^\W\d_])"
        folded = f"(?i:{escaped})" if sign == sign.casefold() and sign.isalpha() else escaped
        by_first.setdefault(sign[0].lower()[0], []).append(folded)
    words = [_beginning(first, some) for first, some in by_first.items() if first.isalpha()]
    marks = [_beginning(first, some) for first, some in by_first.items() if not first.isalpha()]
    return rf"(?:(?<![^\W\d_])(?:{'|'.join(words)})|{'|'.join(marks)})"


def _beginning(first: str, patterns: Iterable[str]) -> str:
    return f"(?=(?i:{re.escape(first)}))(?:{'|'.join(patterns)})"


def _months(cldr: Locale) -> dict[str, int]:
    """Month names and short names in this language and in English, small letters, no final dot."""
    from babel import Locale

    months: dict[str, int] = {}
    for source in (Locale("en"), cldr):
        for context in ("format", "stand-alone"):
            for width in ("abbreviated", "wide"):
                for number, name in source.months[context][width].items():
                    if not name[0].isdigit():
                        months[name.lower().rstrip(".")] = int(number)
    return months


def _month_day(cldr: Locale) -> str:
    """The pattern of a date without a year: which of day and month comes first."""
    skeleton = cldr.datetime_skeletons.get("Md")
    return str(skeleton.pattern if skeleton else cldr.date_formats["short"].pattern)
