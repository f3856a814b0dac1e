"""Amounts, dates and counts as a locale writes them (CLDR, by babel), and which locale that is."""

from __future__ import annotations

import copy
import datetime as dt
import re
from typing import TYPE_CHECKING

from shared.errors import Invalid
from shared.tools.money import Money, minor_unit

if TYPE_CHECKING:
    from babel import Locale

_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?(?:[-_].*)?")


def locale_name(tag: str | None) -> str | None:
    """A BCP 47 tag or POSIX name as CLDR writes it ("pl-PL" is pl_PL, "zh-hant-tw" zh_Hant_TW).

    Variants and extensions are dropped. None for what is no tag or no locale of CLDR: customers send
    anything.
    """
    from babel import Locale, UnknownLocaleError

    match = _TAG.fullmatch(tag.strip()) if isinstance(tag, str) else None
    if match is None:
        return None
    language, script, region = match.groups()
    parts = [language.lower(), script and script.title(), region and region.upper()]
    for known in (parts, [parts[0], parts[2]], parts[:1]):
        name = "_".join(part for part in known if part)
        try:
            return str(Locale.parse(name))
        except (UnknownLocaleError, ValueError):
            continue
    return None


def format_money(amount: Money, locale: str) -> str:
    """At the currency's minor unit by ISO 4217: "1.234,50 €" (de_DE), "€1,234.50" (en_US).

    CLDR's own digits are for cash and differ (it would write 1000.500 IQD as IQD 1,000).
    """
    cldr = _cldr(locale)
    places = minor_unit(amount.currency)
    pattern = copy.copy(cldr.currency_formats["standard"])
    pattern.frac_prec = (places, places)
    text: str = pattern.apply(amount.rounded().amount, cldr, currency=amount.currency, currency_digits=False)
    # CLDR, currencySpacing: a letter of the currency and a digit do not touch. babel leaves that out.
    return re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", "\u00a0", text)


def format_day(day: dt.date, locale: str) -> str:
    """The medium date: "3 gru 2026" (pl_PL), "03.12.2026" (de_DE)."""
    from babel.dates import format_date

    return format_date(day, format="medium", locale=_cldr(locale))


def format_count(count: int, locale: str) -> str:
    """With the locale's groups: "1.000" (de_DE)."""
    from babel.numbers import format_decimal

    return format_decimal(count, locale=_cldr(locale))


def plural_form(count: int, locale: str) -> str:
    """CLDR's category: zero, one, two, few, many or other."""
    return str(_cldr(locale).plural_form(count))


def _cldr(locale: str) -> Locale:
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(locale, sep="-" if "-" in locale else "_")
    except (UnknownLocaleError, ValueError):
        raise Invalid.field("locale", "must be a locale of CLDR such as pl_PL") from None
