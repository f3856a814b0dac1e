"""Facts arranged by what their values are, so that a claim finds the one that supports it."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from shared.errors import Invalid
from shared.tools.claim_dates import PartialDate
from shared.tools.claim_patterns import PERCENT, Amount, Count, Found, ascii_digits
from shared.tools.money import Money, money
from shared.tools.notation import BOUND, LETTERS, notation
from shared.tools.reading import Fields, exact_decimal
from shared.tools.tables.currencies import MINOR_UNITS

# Of the last word of a key: a bare number under it is money, in the currency that another fact names ...
MONEY_NAMES = frozenset(
    {"amount", "balance", "captured", "charge", "cost", "discount", "due", "excess", "fee", "gross", "margin"}
    | {"net", "paid", "price", "refund", "refunded", "shipping", "subtotal", "tax", "total"}
)
# ... or 0.23 under it is 23 %, or 23 under it is.
SHARE_NAMES = frozenset({"rate", "share", "ratio"})
PERCENT_NAMES = frozenset({"percent", "percentage", "pct"})
_NUMERAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,12})?")  # a leading zero makes it an id
_MEASURE = re.compile(rf"({_NUMERAL.pattern})\s?([^\W\d_]+|%)")
_SUM = re.compile(rf"([A-Z]{{3}})\s?({_NUMERAL.pattern})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?")
_PHONE = re.compile(r"\+?[0-9()][0-9()\s.\-/]{5,24}[0-9]")
_HOST = re.compile(r"(?:https?://)?([a-z0-9.-]+)(?::[0-9]{1,5})?(?:[/?#][^\\@\s]*)?", re.I)


class Wordings:
    """Finds known texts as they are, the longest first, where they end.

    What may not follow them names every currency of the locale: that is compiled once a locale, not once a text.
    """

    def __init__(self, texts: Iterable[str], locale: str) -> None:
        """`texts` are not empty."""
        choices = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
        self._known = re.compile(rf"{BOUND}(?<![\w-])(?:{choices})")
        self._goes_on = _goes_on(locale)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """The matches in the order of the text; none overlaps another."""
        at = 0
        while match := self._known.search(text, at):
            start = match.start()
            while match and self._goes_on.match(text, match.end()):
                match = self._known.match(text, start, match.end() - 1)  # a shorter one that begins here
            at = match.end() if match else start + 1
            if match:
                yield match


@lru_cache(maxsize=64)
def _goes_on(locale: str) -> re.Pattern[str]:
    amount = rf"\s?(?:{notation(locale).currency}|{PERCENT})"
    return re.compile(rf"[0-9_{LETTERS}]|[.,'’-][0-9{LETTERS}]|{amount}")


@lru_cache(maxsize=8)
def _wordings(texts: tuple[str, ...], locale: str) -> Wordings:
    """Of the texts of one case, line after line is read with the same ones."""
    return Wordings(texts, locale)


@dataclass
class FactIndex:
    """Each table leads from a value to the key of its fact.

    A value is text, an integer, a Decimal, a float, a date, a datetime, Money or {amount, currency}; true,
    false and null support nothing. Text such as "1234.50 EUR", "2026-12-03", "5 %" or "2 kg" counts as what
    it says.
    """

    hosts: frozenset[str]
    texts: dict[str, str] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    numbers: dict[Decimal, str] = field(default_factory=dict)
    measures: dict[tuple[Decimal, str], str] = field(default_factory=dict)
    percents: dict[Decimal, str] = field(default_factory=dict)
    amounts: dict[tuple[Decimal, str], str] = field(default_factory=dict)
    bare_amounts: dict[Decimal, str] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)
    dates: dict[dt.date, str] = field(default_factory=dict)
    times: dict[dt.time, str] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Iterable[Mapping[str, object]], hosts: Iterable[str] = ()) -> FactIndex:
        """Raises Invalid naming `facts[2].value` for a value of another type."""
        index = cls(frozenset(host.casefold() for host in hosts))
        index.add(facts)
        return index

    def add(self, facts: Iterable[Mapping[str, object]]) -> None:
        """Take more facts; of two with one value the first has it. Raises as `of`."""
        for position, fact in enumerate(facts):
            fields = Fields.of(fact, f"facts[{position}]")
            self._add(fields.text("key"), fields.data.get("value"), fields.at("value"))

    def wordings(self, locale: str) -> Wordings | None:
        """Finds texts of facts that hold digits ("Gift card 500", "1Z 999 AA1"), unless they go on as an
        amount or a percentage."""
        texts = tuple(text for text in self.texts if _is_wording(text))
        return _wordings(texts, locale) if texts else None

    def support(self, found: Found) -> str | None:
        """The key of a fact with the value of the claim, or None."""
        match found.kind, found.value:
            case "url", str():
                return self._link(found.text)
            case "email", str(value):
                return self.emails.get(value.casefold())
            case "phone", str(value):
                return self.phones.get(_dialled(value))
            case "percent", Decimal() as value:
                return self.percents.get(value)
        return self._support_value(found.text, found.value)

    def _support_value(self, text: str, value: object) -> str | None:
        match value:
            case Amount():
                return self._money(value)
            case PartialDate():
                return next((key for day, key in self.dates.items() if value.means(day)), None)
            case dt.time():
                return self.times.get(value)
            case Count():
                return self._count(value)
            case str():
                return self.texts.get(value) or self.phones.get(_dialled(value))
        return self.texts.get(text)

    def _link(self, text: str) -> str | None:
        match = _HOST.fullmatch(text)
        if not match or match[1].casefold() not in self.hosts:
            return None
        return self.texts.get(text)

    def _money(self, claim: Amount) -> str | None:
        for currency in claim.currencies:
            if key := self.amounts.get((claim.amount, currency)):
                return key
        for currency in claim.currencies & self.currencies:
            for number, key in self.bare_amounts.items():
                if Money(number, currency).rounded().amount == claim.amount:
                    return key
        return None

    def _count(self, claim: Count) -> str | None:
        if key := self.texts.get(claim.written):
            return key
        if claim.written[0] == "0" and claim.written.isdecimal() and len(claim.written) > 1:
            return None  # an id: 0042 is not 42
        if claim.unit and (key := self.measures.get((claim.number, claim.unit))):
            return key
        return self.numbers.get(claim.number)

    def _add(self, key: str, value: object, path: str) -> None:
        match value:
            case None | bool():
                return
            case Money():
                self._add_money(key, value)
            case dt.datetime():
                self.dates.setdefault(value.date(), key)
                self.times.setdefault(value.time().replace(second=0, microsecond=0), key)
            case dt.date():
                self.dates.setdefault(value, key)
            case int() | Decimal():
                self.texts.setdefault(str(value), key)
                self._add_number(key, exact_decimal(value, path))
            case float() if math.isfinite(value):
                self._add_number(key, Decimal(repr(value)))
            case str():
                self._add_text(key, ascii_digits(value.strip()))
            case Mapping():
                fields = Fields.of(value, path)
                amount = money(fields.data.get("amount"), fields.text("currency"), field=fields.at("amount"))
                self._add_money(key, amount)
            case _:
                raise Invalid.field(path, "must be text, a number, a date, a time or an amount with its currency")

    def _add_money(self, key: str, amount: Money) -> None:
        self.amounts.setdefault((amount.rounded().amount, amount.currency), key)

    def _add_number(self, key: str, number: Decimal) -> None:
        self.numbers.setdefault(number, key)
        name = key.casefold().replace(".", "_").rsplit("_", 1)[-1]
        if name in MONEY_NAMES:
            self.bare_amounts.setdefault(number, key)
        elif name in SHARE_NAMES:
            self.percents.setdefault(number * 100, key)
        elif name in PERCENT_NAMES:
            self.percents.setdefault(number, key)

    def _add_text(self, key: str, text: str) -> None:
        if not text:
            return
        self.texts.setdefault(text, key)
        if "@" in text:
            self.emails.setdefault(text.casefold(), key)
        if text in MINOR_UNITS:
            self.currencies.add(text)
        if _PHONE.fullmatch(text) and not _DAY.fullmatch(text):
            self.phones.setdefault(_dialled(text), key)
        if _DAY.fullmatch(text):
            self._add_moment(key, text)
        elif _NUMERAL.fullmatch(text):
            self._add_number(key, Decimal(text))
        elif match := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text):
            self.times.setdefault(dt.time(int(match[1]), int(match[2])), key)
        elif match := _SUM.fullmatch(text):
            self._add_measure(key, Decimal(match[2]), match[1])
        elif match := _MEASURE.fullmatch(text):
            self._add_measure(key, Decimal(match[1]), match[2])

    def _add_measure(self, key: str, number: Decimal, unit: str) -> None:
        if unit in MINOR_UNITS:
            self._add_money(key, Money(number, unit))
        elif unit == "%":
            self.percents.setdefault(number, key)
        else:
            self.measures.setdefault((number, unit.casefold()), key)

    def _add_moment(self, key: str, text: str) -> None:
        try:
            when = dt.datetime.fromisoformat(text)
        except ValueError:
            return  # looks like a date and is none: it supports only its own wording
        self.dates.setdefault(when.date(), key)
        if len(text) > len("2026-12-03"):
            self.times.setdefault(when.time().replace(second=0, microsecond=0, tzinfo=None), key)


def _is_wording(text: str) -> bool:
    """Whether it may stand in a message as it is: with a digit, and no numeral, link or address."""
    return any(map(str.isdigit, text)) and not _NUMERAL.fullmatch(text) and "@" not in text and "://" not in text


def _dialled(text: str) -> str:
    """A phone number as dialled: "+" and digits, with 00 read as +."""
    digits = re.sub(r"\D", "", text)
    if text.lstrip().startswith("+"):
        return f"+{digits}"
    return f"+{digits[2:]}" if digits.startswith("00") else digits
