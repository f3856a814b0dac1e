"""Whether card numbers and IBANs are sound, and whose they are. Light to import."""

from __future__ import annotations

import re

from shared.tools.tables.iban_lengths import IBAN_LENGTHS

# Scheme by the first digits of the number (ISO/IEC 7812 issuer ranges): first to last prefix of each range.
SCHEMES = (
    ("visa", "4", "4"),
    ("mastercard", "51", "55"),
    ("mastercard", "2221", "2720"),
    ("amex", "34", "34"),
    ("amex", "37", "37"),
    ("discover", "6011", "6011"),
    ("discover", "644", "649"),
    ("discover", "65", "65"),
    ("jcb", "3528", "3589"),
    ("diners", "36", "36"),
    ("diners", "38", "38"),
    ("diners", "300", "305"),
)
CARD_LENGTHS = range(13, 20)


def luhn_ok(number: str) -> bool:
    """Whether a text of ASCII digits passes the Luhn check (ISO/IEC 7812-1, annex B)."""
    if not isinstance(number, str) or not re.fullmatch("[0-9]+", number):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def card_brand(number: str) -> str | None:
    """The scheme (visa, mastercard, amex, discover, jcb, diners) by the first digits of a number or BIN."""
    for brand, first, last in SCHEMES:
        if first <= number[: len(first)] <= last:
            return brand
    return None


def iban_ok(iban: str) -> bool:
    """Whether an IBAN, blanks or not, has its country's length and remainder 1 (ISO 13616, ISO 7064)."""
    return iban_problem(iban) is None


def iban_problem(iban: str) -> str | None:
    """What is wrong with an IBAN, None when nothing is: its characters, country, length or check digits."""
    if not isinstance(iban, str) or len(iban) > 100:
        return "is no IBAN"
    compact = re.sub(r"[\s-]", "", iban).upper()
    if not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]+", compact):
        return "is no IBAN"
    length = IBAN_LENGTHS.get(compact[:2])
    if length is None:
        return "names a country without IBANs"
    if len(compact) != length:
        return f"must have {length} characters in {compact[:2]}"
    # ISO 7064 yields 02 to 98; 00, 01 and 99 would pass the division too.
    if (
        not 2 <= int(compact[2:4]) <= 98
        or int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 != 1
    ):
        return "fails its check digits"
    return None
