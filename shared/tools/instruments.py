"""Whether a payment's instrument is sound, and how its payer was proven."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import NamedTuple

from shared.errors import Invalid, Problem
from shared.tools.account_numbers import card_brand, iban_problem
from shared.tools.reading import Fields, moment

# Card scheme address verification codes, as in Checkout.com's documentation, "AVS codes".
ADDRESS_CHECKS = {
    **dict.fromkeys("YXDMF", "full"),
    **dict.fromkeys("AB", "street"),
    **dict.fromkeys("ZWP", "postcode"),
    "N": "none",
    **dict.fromkeys("URSGEIC", "not_checked"),
}
CODE_CHECKS = {"M": "match", "N": "no_match", **dict.fromkeys("PSU", "not_checked")}
# EMV 3-D Secure: transStatus, and the ECI that goes with it at Visa (Amex, JCB, Discover) and Mastercard.
THREE_DS = {
    "Y": "authenticated",
    "A": "attempted",
    **dict.fromkeys("NR", "failed"),
    **dict.fromkeys("UC", "open"),
}
SHIFTING_ECI = frozenset({"05", "06", "02", "01"})
MASTERCARD_ECI = frozenset({"02", "01"})
# A card is good to the end of its month everywhere, so by the clock of UTC-12.
LATEST_ZONE = dt.timezone(dt.timedelta(hours=-12))


class Instrument(NamedTuple):
    """`valid` is None when nothing was given that could be checked."""

    valid: bool | None
    problems: tuple[Problem, ...] = ()


class Authentication(NamedTuple):
    """How the payer was proven; None for what was not given, "unknown" for a code of no scheme's list.

    address: full, street, postcode, none, not_checked. cvv: match, no_match, not_checked.
    three_ds: authenticated, attempted, failed, open. liability_shift: whether the issuer bears a fraud.
    """

    address: str | None
    cvv: str | None
    three_ds: str | None
    liability_shift: bool | None


def check_instrument(payment: Mapping[str, object], *, at: dt.datetime) -> Instrument:
    """Whether the IBAN and the card of a payment are sound at a moment (aware).

    IBAN: country, length and check digits. Card: not expired, and the brand given is the one of its number.
    """
    fields, now = Fields.of(payment), moment(at, "at")
    checks: list[Problem | None] = []
    if iban := fields.maybe_text("iban"):
        checks.append(_problem("iban", iban_problem(iban)))
    if card := fields.maybe_object("card"):
        checks += _card_checks(card, now)
    problems = tuple(problem for problem in checks if problem)
    return Instrument(not problems if checks else None, problems)


def read_authentication(payment: Mapping[str, object]) -> Authentication:
    """The address check (avs), code check (cvv) and 3-D Secure result (trans_status, eci) of a payment."""
    fields = Fields.of(payment)
    status, eci = fields.maybe_text("trans_status"), _eci(fields)
    return Authentication(
        address=_look_up(ADDRESS_CHECKS, fields.maybe_text("avs")),
        cvv=_look_up(CODE_CHECKS, fields.maybe_text("cvv")),
        three_ds=_look_up(THREE_DS, status),
        liability_shift=_shift(status, eci, _brand(fields)),
    )


def _card_checks(card: Fields, now: dt.datetime) -> list[Problem | None]:
    checks: list[Problem | None] = []
    month, year = card.maybe_integer("exp_month"), card.maybe_integer("exp_year")
    if month is not None and year is not None:
        expired = now >= _good_until(card, month, year)
        checks.append(_problem(card.at("exp_year"), "the card has expired" if expired else None))
    number, brand = card.maybe_text("bin"), card.maybe_text("brand")
    if number is not None and not re.fullmatch("[0-9]{6,8}", number):
        raise Invalid.field(card.at("bin"), "must be 6 to 8 digits")
    if number and brand:
        named = re.sub("[^a-z]", "", brand.casefold()).replace("americanexpress", "amex")
        agrees = card_brand(number) == named.replace("dinersclub", "diners")
        checks.append(_problem(card.at("brand"), None if agrees else "is not the brand of the card's number"))
    return checks


def _good_until(card: Fields, month: int, year: int) -> dt.datetime:
    """The first moment after the expiry month in the latest time zone; "27" is 2027."""
    full = year + 2000 if year < 100 else year
    if not 1 <= month <= 12:
        raise Invalid.field(card.at("exp_month"), "must lie in 1..12")
    if not 2000 <= full <= 2199:
        raise Invalid.field(card.at("exp_year"), "must be a year such as 2027 or 27")
    return dt.datetime(full + month // 12, month % 12 + 1, 1, tzinfo=LATEST_ZONE)


def _problem(field: str, rule: str | None) -> Problem | None:
    return Problem(field, rule) if rule else None


def _look_up(table: Mapping[str, str], code: str | None) -> str | None:
    return None if code is None else table.get(code.upper(), "unknown")


def _eci(fields: Fields) -> str | None:
    value = fields.data.get("eci")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 99:
        return f"{value:02}"
    text = fields.maybe_text("eci")
    return None if text is None else text.zfill(2)


def _brand(fields: Fields) -> str | None:
    card = fields.maybe_object("card")
    number = card.maybe_text("bin") if card else None
    return card_brand(number) if number else None


def _shift(status: str | None, eci: str | None, brand: str | None) -> bool | None:
    if status is None or eci is None:
        return None
    own = eci in SHIFTING_ECI and (brand is None or (brand == "mastercard") == (eci in MASTERCARD_ECI))
    return status.upper() in ("Y", "A") and own
