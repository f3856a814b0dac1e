from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.claims import check_claims
from shared.tools.localised import format_count, format_day, format_money, locale_name, plural_form
from shared.tools.money import Money


def written(amount: str, currency: str, locale: str) -> str:
    return format_money(Money(Decimal(amount), currency), locale)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de_DE", "1.234,50\u00a0€"),
        ("en_US", "€1,234.50"),
        ("fr_FR", "1\u202f234,50\u00a0€"),
        ("pl-PL", "1\u00a0234,50\u00a0€"),
    ],
)
def test_an_amount_is_written_as_the_locale_writes_it(locale: str, text: str) -> None:
    assert written("1234.50", "EUR", locale) == text


def test_the_minor_unit_is_that_of_iso_4217_and_not_of_cash() -> None:
    assert written("1000.5", "IQD", "en_US") == "IQD\u00a01,000.500"
    assert written("1000", "JPY", "en_US") == "¥1,000"
    assert written("0.005", "EUR", "en_US") == "€0.01"


def test_letters_of_a_currency_do_not_touch_its_digits() -> None:
    """CLDR, currencySpacing: a no-break space between them."""
    assert written("1234.50", "PLN", "en_US") == "PLN\u00a01,234.50"
    assert written("5", "CHF", "de_DE") == "5,00\u00a0CHF"


def test_a_date_and_a_count_are_written_as_the_locale_writes_them() -> None:
    assert format_day(dt.date(2026, 12, 3), "pl_PL") == "3 gru 2026"
    assert format_day(dt.date(2026, 12, 3), "de_DE") == "03.12.2026"
    assert format_count(1000, "de_DE") == "1.000"


@pytest.mark.parametrize(("count", "form"), [(1, "one"), (2, "few"), (5, "many"), (12, "many"), (22, "few")])
def test_polish_has_its_plurals(count: int, form: str) -> None:
    assert plural_form(count, "pl_PL") == form


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("pl-PL", "pl_PL"),
        ("de_DE", "de_DE"),
        ("DE-at", "de_AT"),
        ("zh-hant-tw", "zh_Hant_TW"),
        ("de-DE-u-co-phonebk", "de_DE"),
        ("de-ZZ", "de_DE"),
        ("es-419", "es_419"),
        (" fr ", "fr"),
        ("xx-YY", None),
        ("english", None),
        ("", None),
        (None, None),
        ("../../etc", None),
    ],
)
def test_a_language_tag_becomes_a_locale_of_cldr_or_none(tag: str | None, name: str | None) -> None:
    assert locale_name(tag) == name


def test_a_locale_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid):
        format_count(1, "xx_YY")


amounts = st.decimals("0.01", "999999", places=2)


@given(
    amounts,
    st.sampled_from(["EUR", "USD", "GBP", "PLN", "CHF"]),
    st.sampled_from(["de_DE", "en_US", "fr_FR", "pl_PL"]),
)
def test_what_is_written_is_read_back_as_the_same_amount(amount: Decimal, currency: str, locale: str) -> None:
    fact = {"key": "total", "value": Money(amount, currency), "source": "order.amount"}
    read = check_claims(f"Total: {format_money(Money(amount, currency), locale)}.", [fact], locale=locale)
    assert [claim.fact for claim in read.claims] == ["total"]
