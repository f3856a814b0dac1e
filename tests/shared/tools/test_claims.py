"""A text may claim only what the facts hold, read in the text's own locale."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from babel.dates import format_date
from babel.numbers import format_currency, format_percent
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.claims import Claims, check_claims
from shared.tools.fact_index import FactIndex
from shared.tools.money import money
from shared.tools.tables.currencies import MINOR_UNITS

LOCALES = [
    *("en_US", "en_GB", "en_CA", "en_IN", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_CA", "es_ES", "es_MX"),
    *("it_IT", "pt_PT", "pt_BR", "nl_NL", "pl_PL", "cs_CZ", "sk_SK", "sv_SE", "da_DK", "nb_NO", "fi_FI"),
    *("hu_HU", "ro_RO", "bg_BG", "hr_HR", "sl_SI", "el_GR", "tr_TR", "uk_UA", "ja_JP", "zh_CN", "ko_KR"),
]
THE_DAY = dt.date(2026, 12, 3)


def check(text: str, locale: str = "en_US", hosts: tuple[str, ...] = (), **facts: object) -> Claims:
    listed = [{"key": key, "value": value, "source": "test"} for key, value in facts.items()]
    return check_claims(text, listed, locale=locale, allowed_hosts=hosts)


def unsupported(text: str, locale: str = "en_US", **facts: object) -> list[tuple[str, str]]:
    return [(claim.kind, claim.text) for claim in check(text, locale, **facts).unsupported]


def test_an_index_that_grows_supports_what_its_facts_do() -> None:
    """A text is read with the facts that the index has by then."""
    index = FactIndex(frozenset())
    text = "Gift card 500 costs 12.50 EUR."
    index.add([{"key": "price", "value": "12.50 EUR"}])
    assert [claim.text for claim in check_claims(text, index).unsupported] == ["500 costs"]
    index.add([{"key": "name", "value": "Gift card 500"}])
    assert check_claims(text, index).unsupported == ()


def test_twelve_o_three_is_12_march_in_german() -> None:
    """ "arrives on 12/03" against 3 December: unsupported under de_DE, supported under en_US."""
    assert unsupported("arrives on 12/03", "de_DE", arrives=THE_DAY) == [("date", "12/03")]
    assert unsupported("arrives on 12/03", "en_US", arrives=THE_DAY) == []
    assert unsupported("kommt am 03/12 an", "de_DE", arrives="2026-12-03") == []


def test_the_reply_of_the_support_page_is_supported() -> None:
    """Order number and dates without a year are found and supported."""
    reply = (
        "Your order 1042 left our warehouse on 15 December. It should arrive on 18 December. "
        "The delivery address can no longer be changed."
    )
    found = check(reply, order_id="1042", shipped=dt.date(2026, 12, 15), arrives="2026-12-18")
    assert [claim.fact for claim in found.claims] == ["order_id", "shipped", "arrives"]


@pytest.mark.parametrize(
    ("text", "locale"),
    [("1.234,50\u00a0€", "de_DE"), ("€1,234.50", "en_US"), ("1\u202f234,50\u00a0€", "fr_FR")],
)
def test_amounts_of_the_role_page(text: str, locale: str) -> None:
    """1234.50 EUR as babel writes it in three locales is supported; one cent more is not."""
    assert check(f"Total: {text}.", locale, total=money("1234.50", "EUR")).unsupported == ()
    assert check(f"Total: {text}.", locale, total="1234.51 EUR").unsupported[0].text == text


def test_a_date_of_the_role_page() -> None:
    """2026-12-03 is "3 gru 2026" in Polish."""
    assert unsupported("wysłane 3 gru 2026", "pl_PL", shipped=THE_DAY) == []
    assert unsupported("wysłane 4 gru 2026", "pl_PL", shipped=THE_DAY) == [("date", "4 gru 2026")]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("form", ["short", "medium", "long", "full"])
def test_dates_as_babel_writes_them_are_read(locale: str, form: str) -> None:
    """Each CLDR form of a date is one supported claim, and not of another day or month."""
    for day in (THE_DAY, dt.date(2027, 5, 31), dt.date(2028, 2, 29)):
        text = f"- {format_date(day, form, locale=locale)} -"
        claims = check(text, locale, day=day)
        assert claims.unsupported == (), (text, claims)
        assert [claim.kind for claim in claims.claims] == ["date"], text
        assert check(text, locale, day=day + dt.timedelta(days=40)).unsupported != ()


@given(
    st.sampled_from(LOCALES),
    st.sampled_from(["EUR", "USD", "PLN", "JPY", "GBP", "KWD", "CHF", "SEK", "HUF", "CAD"]),
    st.integers(0, 10**14),
)
@settings(deadline=None)
def test_amounts_as_babel_writes_them_are_read(locale: str, currency: str, units: int) -> None:
    """Any amount in any currency and locale is one money claim, supported by it and by no other amount."""
    amount = money(Decimal(units).scaleb(-MINOR_UNITS[currency]), currency)
    text = f"({format_currency(amount.amount, currency, locale=locale)})"
    claims = check(text, locale, total=amount)
    assert [(claim.kind, claim.fact) for claim in claims.claims] == [("money", "total")], text
    assert check(text, locale, total=amount + money(1, currency)).unsupported != ()


@pytest.mark.parametrize(
    ("text", "locale"), [("1.000.000.000 €", "de_DE"), ("1 000 000 000 €", "pl_PL"), ("€1,000,000,000", "en_US")]
)
def test_a_long_amount_is_no_phone_number(text: str, locale: str) -> None:
    """Groups of three zeros are digits of the amount, not a prefix to dial."""
    assert [claim.kind for claim in check(text, locale, total="1000000000 EUR").claims] == ["money"]
    assert unsupported(text, locale, total="1000000000 EUR") == []


@pytest.mark.parametrize("locale", LOCALES)
def test_percentages_as_babel_writes_them_are_read(locale: str) -> None:
    """23 % in each locale, from a rate of 0.23, from "23 %" and from a percentage."""
    text = format_percent(Decimal("0.235"), "#,##0.#%", locale=locale)
    for facts in ({"tax_rate": "0.235"}, {"tax": "23.5 %"}, {"tax_percent": Decimal("23.5")}):
        assert unsupported(text, locale, **facts) == []
    assert unsupported(text, locale, quantity="23.5") != []


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("we refund 900 EUR", {"order_total": "90.00 EUR"}),
        ("we refund 90.00 USD", {"total": "90.00 EUR"}),
        ("we refund 1042 EUR", {"order_id": "1042", "currency": "EUR"}),
        ("we refund €5 million", {"total": "5 EUR"}),
        ("we refund 5k EUR", {"total": "5 EUR", "n": 5}),
        ("we refund -5.00 EUR", {"total": "5 EUR"}),
        ("we refund 90.001 EUR", {"total": "90.00 EUR"}),
        ("we refund ٩٠٠ EUR", {"total": "90 EUR"}),
        ("a Gift card 500 EUR", {"name": "Gift card 500"}),
        ("$90 refund", {"total": "90 EUR"}),
        ("10% off", {"quantity": 10}),
        ("in 3-5 days", {"first": 3}),
        ("order SO-1042-X", {"order_id": "SO-1042"}),
        ("order so-1042", {"order_id": "SO-1042"}),
        ("order 0042", {"order_id": "42"}),
        ("order 42", {"order_id": "0042"}),
        ("order #1043", {"order_id": "1042"}),
        ("on 31/02", {"day": THE_DAY}),
        ("on 3 December 2027", {"day": THE_DAY}),
        ("in December 2027", {"day": THE_DAY}),
        ("at 16:30", {"at": "2026-12-03T16:00:00Z"}),
        ("at 4:00 am", {"at": "2026-12-03T16:00:00Z"}),
        ("call +49 30 1234568", {"phone": "+49301234567"}),
        ("write to help@evil.example", {"email": "help@shop.example"}),
        ("1,23 EUR", {"total": "1.23 EUR"}),
        ("version 1.2.3", {"version": "1.2.4"}),
    ],
)
def test_what_no_fact_holds_is_unsupported(text: str, facts: dict[str, object]) -> None:
    """A wrong amount, currency, id, date, time, address or way of writing is found out."""
    assert check(text, **facts).unsupported != ()


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("we refund 90 EUR", {"refund_amount": "90.00", "currency": "EUR"}),
        ("we refund 90.00 euros", {"total": money("90", "EUR")}),
        ("we refund EUR 90", {"total": {"amount": "90.00", "currency": "EUR"}}),
        ("2 parcels of 5kg and 5 kg", {"parcels": 2, "weight": "5 kg"}),
        ("in 3-5 days", {"first": 3, "last": 5}),
        ("order #SO-1042, tracking 1Z 999 AA1", {"order_id": "SO-1042", "tracking": "1Z 999 AA1"}),
        ("order #1042", {"order_id": "1042"}),
        ("order 0042", {"order_id": "0042"}),
        ("a Gift card 500, and 5th Ave 154", {"name": "Gift card 500", "street": "5th Ave 154"}),
        ("in December 2026", {"day": THE_DAY}),
        ("on December 3rd, 2026 at 4:00 p.m.", {"at": "2026-12-03T16:00:00Z"}),
        ("call +49 30 123-4567 or 0049 30 1234567", {"phone": "+49301234567"}),
        ("write to Help@shop.example.", {"email": "help@shop.example"}),
        ("1. Open the page\n2) Sign in", {}),
        ("no claim at all", {}),
        ("", {}),
        ("302-1234567-7654321", {"order_id": "302-1234567-7654321"}),
        ("version 1.2.3", {"version": "1.2.3"}),
    ],
)
def test_what_a_fact_holds_is_supported(text: str, facts: dict[str, object]) -> None:
    """Other ways to write the same value are the same value."""
    assert check(text, **facts).unsupported == ()


def test_a_link_needs_its_fact_and_its_host() -> None:
    """Exactly the fact's address, on a host of the tenant's list; a bare domain counts as a link."""
    link = "https://shop.example/o/1042?x=1"
    assert check(f"See {link}.", hosts=("shop.example",), link=link).unsupported == ()
    assert check(f"See {link}.", link=link).unsupported != ()
    assert check(f"See {link}2", hosts=("shop.example",), link=link).unsupported != ()
    for trick in (
        "https://shop.example@evil.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example.evil.example/",
        "evil.example/pay",
        "www.evil.example",
        "javascript://shop.example/%0aalert(1)",
    ):
        assert check(f"See {trick} now", hosts=("shop.example",), link=trick).unsupported != (), trick


def test_a_sign_means_what_the_locale_means() -> None:
    """ "$90" is Canadian in Canada; "kr" may be any krone of a fact."""
    assert unsupported("$90", "en_CA", total="90 USD") == [("money", "$90")]
    assert unsupported("$90", "en_CA", total="90 CAD") == []
    assert unsupported("90 kr", "en_US", total="90 DKK") == []
    assert unsupported("90 kr", "sv_SE", total="90 DKK") == [("money", "90 kr")]


def test_scripts_without_blanks_are_read() -> None:
    """A Japanese sentence: order number, date and amount."""
    text = "注文1042は12月3日に発送、合計1,000円"
    facts: dict[str, object] = {"order": "1042", "day": "2026-12-03", "total": "1000 JPY"}
    assert [claim.fact for claim in check(text, "ja_JP", **facts).claims] == ["order", "day", "total"]


def test_claims_say_where_they_stand() -> None:
    """Claims come in the order of the text with their position in it."""
    text = "On 3 December: 2 parcels, €5.00"
    found = check(text).claims
    assert [(claim.kind, text[claim.start :][: len(claim.text)]) for claim in found] == [
        ("date", "3 December"),
        ("number", "2 parcels"),
        ("money", "€5.00"),
    ]


@given(st.text(max_size=200), st.sampled_from(LOCALES))
@settings(deadline=None)
def test_no_digit_escapes(text: str, locale: str) -> None:
    """Whatever the text: with no facts every digit lies in an unsupported claim or a list mark."""
    found = check_claims(text, [], locale=locale)
    assert found.claims == found.unsupported
    marks = any(char in text for char in ".)")
    assert bool(found.claims) or marks or not any(char.isdecimal() for char in text)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"text": None}, "text"),
        ({"text": "9" * 100_001}, "text"),
        ({"locale": "xx_YY"}, "locale"),
        ({"locale": ""}, "locale"),
        ({"locale": None}, "locale"),
        ({"facts": [{"value": 1}]}, "facts[0].key"),
        ({"facts": ["a"]}, "facts[0]"),
        ({"facts": [{"key": "a", "value": [1]}]}, "facts[0].value"),
        ({"facts": [{"key": "a", "value": float("nan")}]}, "facts[0].value"),
        ({"facts": [{"key": "a", "value": {"amount": 1.5, "currency": "EUR"}}]}, "facts[0].value.amount"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], field: str) -> None:
    """Wrong types are Invalid with their path."""
    with pytest.raises(Invalid) as caught:
        check_claims(**{"text": "a", "facts": [], **arguments})
    assert caught.value.problems[0].field == field


@pytest.mark.parametrize(
    "piece", ["1-", "1.", "1 ", "a-1", "a.", "(1", "€1 ", "1/", "@", "http://", "1:1 ", "_", "\n1.", "1月"]
)
@pytest.mark.timeout(10)
def test_hostile_repetition_is_read_in_time(piece: str) -> None:
    """No pattern runs away on 20,000 repeated characters."""
    check_claims(piece * (20_000 // len(piece)), [], locale="de_DE")


@pytest.mark.parametrize("amount", ["5.00", "34.50", "1.12"])
def test_an_english_amount_before_a_full_stop_is_no_date(amount: str) -> None:
    known = [{"key": "total", "value": f"{amount} EUR", "source": "order.amount"}]
    checked = check_claims(f"Order received, €{amount}.", known, locale="en_US")
    assert [(claim.kind, claim.fact) for claim in checked.claims] == [("money", "total")]
