"""Card numbers, IBANs and verification codes are found wherever they stand, and only the last four stay."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from shared.errors import Invalid
from shared.tools.sensitive import (
    Finding,
    card_brand,
    iban_ok,
    iban_problem,
    luhn_ok,
    mask_sensitive,
)
from shared.tools.tables.iban_lengths import IBAN_LENGTHS

# Test numbers that the schemes and processors publish.
CARDS = {
    "4111111111111111": "visa",
    "4222222222222": "visa",
    "5555555555554444": "mastercard",
    "2223003122003222": "mastercard",
    "378282246310005": "amex",
    "6011111111111117": "discover",
    "3530111333300000": "jcb",
    "30569309025904": "diners",
    "36227206271667": "diners",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PIECES = [
    *CARDS,
    *("4111 1111 1111 1111", "4111-1111-1111-1111", "GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
    *("DE89370400440532013000", " ", "-", ", ", "1", "4111", "cvv 123", "CVC: 9876", "x", "*", "\u00a0", "٤"),
]
SPICY = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def test_luhn_of_the_role_page() -> None:
    """79927398713 passes, every other last digit fails."""
    assert [luhn_ok(f"7992739871{digit}") for digit in range(10)] == [digit == 3 for digit in range(10)]
    assert not luhn_ok("")
    assert not luhn_ok("4111 1111")
    assert not luhn_ok(79927398713)  # type: ignore[arg-type]  # hostile input on purpose


def test_ibans_of_the_role_page() -> None:
    """GB82WEST12345698765432 is sound, DE88370400440532013000 is not."""
    assert iban_ok("GB82WEST12345698765432")
    assert iban_ok("GB82 WEST 1234 5698 7654 32")
    assert iban_problem("DE88370400440532013000") == "fails its check digits"
    assert iban_problem("DE8937040044053201300") == "must have 22 characters in DE"
    assert iban_problem("ZZ8937040044053201300") == "names a country without IBANs"
    for junk in ("", "DE", "DE8937040044053201300٠", None, 5, "A" * 10**6):
        assert iban_problem(junk) == "is no IBAN"  # type: ignore[arg-type]  # hostile input on purpose


@pytest.mark.parametrize(("country", "digits"), [("DE", 18), ("BE", 12), ("PL", 24), ("NO", 11), ("AT", 16)])
@given(st.data())
def test_iban_check_digits_agree_with_schwifty(country: str, digits: int, data: st.DataObject) -> None:
    """Of the 100 pairs of check digits of an account, one is sound, the one that schwifty accepts."""
    account = data.draw(st.text("0123456789", min_size=digits, max_size=digits))
    candidates = [f"{country}{check:02}{account}" for check in range(100)]
    ours = [iban for iban in candidates if iban_ok(iban)]
    assert ours == [iban for iban in candidates if _schwifty(iban)]
    assert len(ours) == 1


@pytest.mark.parametrize("country", sorted(IBAN_LENGTHS))
def test_ibans_that_schwifty_makes_are_sound(country: str) -> None:
    """For each country of the table; with one more character they are not."""
    made = str(IBAN.random(country_code=country, random=random.Random(7)))
    assert iban_ok(made)
    assert not iban_ok(f"{made}0")


def _schwifty(iban: str) -> bool:
    try:
        IBAN(iban)
    except SchwiftyException:
        return False
    return True


@pytest.mark.parametrize(("number", "brand"), CARDS.items())
def test_a_card_number_is_masked_to_its_last_four(number: str, brand: str) -> None:
    """In one piece, in groups, as an integer, between words; the finding names path, last four and brand."""
    grouped = " ".join(number[start : start + 4] for start in range(0, len(number), 4))
    finding = Finding("note", "card", number[-4:], brand)
    for text in (number, grouped, grouped.replace(" ", "-"), grouped.replace(" ", "\u00a0")):
        masked = mask_sensitive({"note": f"order 12 on 3 {text}, thanks"})
        assert masked.findings == (finding,)
        assert masked.clean == {"note": f"order 12 on 3 ****{number[-4:]}, thanks"}
    assert mask_sensitive({"note": int(number)}).clean == {"note": f"****{number[-4:]}"}
    assert card_brand(number[:6]) == brand


def test_the_note_of_the_role_page() -> None:
    """note "pay with 4111 1111 1111 1111" is stored as last four 1111."""
    masked = mask_sensitive({"note": "pay with 4111 1111 1111 1111"})
    assert masked.clean == {"note": "pay with ****1111"}
    assert masked.findings == (Finding("note", "card", "1111", "visa"),)


@pytest.mark.parametrize(
    "value",
    [
        "4111111111111112",  # fails Luhn
        "9111111111111110",  # no scheme
        "411111111111",  # too short
        "41111111111111111111111111111111",  # too long to be one
        {"sku": "4111111111111111"},
        {"EAN": 4111111111111111, "gtin": "4111111111111111"},
        {"psp": "psp-7-0", "placed_at": "2026-11-01T06:07:00Z", "cvv": "M", "n": 1.5, "b": True, "x": None},
        "DE88370400440532013000",
        "order 123 456",
    ],
)
def test_what_is_no_secret_stays(value: object) -> None:
    """Numbers that fail a check, article numbers and the result letters of a CVV check are left alone."""
    assert mask_sensitive(value).clean == value
    assert mask_sensitive(value).findings == ()


def test_ibans_are_masked_where_they_stand() -> None:
    """With and without blanks, before further words in capitals, in small letters."""
    text = "from GB82 WEST 1234 5698 7654 32 OR DE89370400440532013000 or nl91abna0417164300."
    masked = mask_sensitive([text])
    assert masked.clean == ["from ****5432 OR ****3000 or ****4300."]
    assert [(found.path, found.kind, found.last4) for found in masked.findings] == [
        ("[0]", "iban", "5432"),
        ("[0]", "iban", "3000"),
        ("[0]", "iban", "4300"),
    ]


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ({"cvv": "123"}, {"cvv": "****"}),
        ({"card": {"CVC2": 1234}}, {"card": {"CVC2": "****"}}),
        ({"security-code": " 123 "}, {"security-code": "****"}),
        ("cvv: 123 and CVC 9876, security code is 555", "cvv: **** and CVC ****, security code is ****"),
    ],
)
def test_a_stored_verification_code_is_a_finding_of_its_own(value: object, clean: object) -> None:
    """In a field or in a text, nothing of it stays."""
    masked = mask_sensitive(value)
    assert masked.clean == clean
    assert {(found.kind, found.last4) for found in masked.findings} == {("cvv", "")}


def test_names_of_fields_are_walked_too() -> None:
    """A card number as a key is masked, and the finding's path does not repeat it."""
    masked = mask_sensitive({"4111111111111111": {"a": "5555555555554444"}})
    assert masked.clean == {"****1111": {"a": "****4444"}}
    assert "4111111111111111" not in repr(masked)
    assert len(mask_sensitive({"4111111111111111": 1, "4111 1111 1111 1111": 2}).clean) == 2  # type: ignore[arg-type]  # a dict


@given(st.dictionaries(st.text(max_size=5), SPICY | JSON, max_size=4) | JSON | SPICY)
def test_masking_twice_changes_nothing(value: object) -> None:
    """Masking is idempotent: the second pass finds nothing."""
    once = mask_sensitive(value)
    twice = mask_sensitive(once.clean)
    assert twice.findings == ()
    assert json.dumps(twice.clean, default=str) == json.dumps(once.clean, default=str)


@given(
    st.text("0123456789", min_size=12, max_size=18),
    st.sampled_from(["4", "51", "2221", "34", "65", "3528", "36"]),
)
def test_every_sound_number_of_a_scheme_is_masked(body: str, prefix: str) -> None:
    """Any 13 to 19 digits with a scheme's prefix and a right check digit are found."""
    stem = (prefix + body)[:18]
    number = next(f"{stem}{digit}" for digit in range(10) if luhn_ok(f"{stem}{digit}"))
    assert mask_sensitive(number).clean == f"****{number[-4:]}"


@given(JSON)
def test_the_shape_stays(value: object) -> None:
    """Whatever JSON goes in, JSON of the same kind comes out (an integer may become masked text)."""
    clean: Any = mask_sensitive(value).clean
    if isinstance(value, dict | list | str):
        assert type(clean) is type(value)
    if isinstance(value, list):
        assert len(clean) == len(value)
    json.dumps(clean)


def test_deep_nesting_is_refused_and_not_crashed_on() -> None:
    """100,000 lists in each other are Invalid."""
    deep: object = "4111111111111111"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Invalid, match="nested deeper"):
        mask_sensitive(deep)


@pytest.mark.parametrize("piece", ["4", "4 ", "4111 ", "GB82 ", "G8", "cvv ", "1-", "DE89", "4111111111111112 "])
@pytest.mark.timeout(10)
def test_hostile_repetition_is_walked_in_time(piece: str) -> None:
    """No pattern runs away on 100,000 repeated characters."""
    mask_sensitive(piece * (100_000 // len(piece)))
