"""The right money, in the right currency, by a sound instrument, and only once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.money import money
from shared.tools.payments import (
    Authentication,
    Duplicate,
    check_instrument,
    find_duplicate,
    match_payments,
    read_authentication,
)
from shared.tools.saleor import order_from_saleor

NOW = dt.datetime(2026, 11, 15, tzinfo=dt.UTC)


def payment(**fields: Any) -> dict[str, Any]:
    """An active card payment of 90.00 PLN, with other fields."""
    return {
        "id": "p1",
        "psp_reference": "psp-1",
        "method": "card",
        "active": True,
        "authorised": "0",
        "captured": "90.00",
        "refunded": "0",
        "currency": "PLN",
        "created": "2026-11-01T06:07:00Z",
        **fields,
    }


def order(*payments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"order_id": "o1", "amount": "90.00", "currency": "PLN", "payments": list(payments), **fields}


def status(*payments: dict[str, Any]) -> str:
    return match_payments(order(), payments).status


def test_137_of_the_150_shared_orders_are_paid_and_13_unpaid(saleor_bodies: list[Any]) -> None:
    """The proof of the role page."""
    orders = [order_from_saleor(body) for body in saleor_bodies]
    found = [match_payments(read, read["payments"]).status for read in orders]  # type: ignore[arg-type]  # JSON
    assert (found.count("paid"), found.count("unpaid")) == (137, 13)


def test_our_own_orders_show_every_status_but_one(own_saleor_bodies: list[Any]) -> None:
    """Paid, unpaid, partly paid, charged twice, on delivery, in a foreign currency, refunded."""
    orders = [order_from_saleor(body) for body in own_saleor_bodies]
    found = [match_payments(read, read["payments"]).status for read in orders]  # type: ignore[arg-type]  # JSON
    assert found == [
        *("paid", "paid", "unpaid", "underpaid", "overpaid"),
        *("paid", "authorised", "paid", "mismatch", "unpaid"),
    ]


@pytest.mark.parametrize(
    ("payments", "expected"),
    [
        ([payment()], "paid"),
        ([payment(captured="40.00"), payment(id="p2", captured="50.00")], "paid"),
        ([payment(), payment(id="p2", active=False)], "paid"),
        ([payment(), payment(id="p2", active=False, currency="USD")], "paid"),
        ([payment(), payment(id="p2", refunded="90.00")], "paid"),
        ([payment(captured="0", authorised="90.00")], "authorised"),
        ([payment(captured="40.00", authorised="90.00")], "authorised"),
        (
            [payment(captured="50.00", authorised="60.00"), payment(id="p2", authorised="30", captured=0)],
            "authorised",
        ),
        ([payment(captured="0", method="cash_on_delivery")], "authorised"),
        ([payment(captured="50.00", authorised="89.99")], "underpaid"),
        ([payment(captured="89.99")], "underpaid"),
        ([payment(captured="90.01")], "overpaid"),
        ([payment(), payment(id="p2")], "overpaid"),
        ([payment(captured="0", authorised="89.99")], "unpaid"),
        ([payment(active=False)], "unpaid"),
        ([], "unpaid"),
        ([payment(), payment(id="p2", currency="USD")], "mismatch"),
    ],
)
def test_status(payments: list[dict[str, Any]], expected: str) -> None:
    """Only active payments count; what was captured of an authorised sum is not counted twice."""
    assert status(*payments) == expected


def test_what_is_due_is_never_negative() -> None:
    """The rest of an underpaid order, nothing of an overpaid one, all of a mismatch."""
    assert match_payments(order(), [payment(captured="89.99")]).due == money("0.01", "PLN")
    assert match_payments(order(), [payment(), payment()]).due == money(0, "PLN")
    assert match_payments(order(), [payment(currency="USD")]).due == money("90", "PLN")


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000), st.booleans()), max_size=6))
def test_paid_and_due_agree_with_the_status(rows: list[tuple[int, int, bool]]) -> None:
    """paid + due >= amount with equality unless overpaid, in any order of the payments."""
    payments = [
        payment(
            captured=str(Decimal(captured).scaleb(-2)),
            refunded=str(Decimal(min(captured, back)).scaleb(-2)),
            active=active,
        )
        for captured, back, active in rows
    ]
    matched = match_payments(order(), payments)
    amount = money("90.00", "PLN")
    assert (matched.paid + matched.due == amount) == (matched.status != "overpaid")
    assert (matched.due.amount == 0) == (matched.status in ("paid", "overpaid"))
    assert matched == match_payments(order(), payments[::-1])


def test_two_captures_of_the_whole_amount_are_a_double_charge() -> None:
    """Overpaid; the later payment is the one too much; 90.00 is the excess to refund."""
    twice = order(payment(), payment(id="p2", psp_reference="psp-2", created="2026-11-01T06:08:00Z"))
    assert match_payments(twice, twice["payments"]).status == "overpaid"
    assert find_duplicate(twice, []) == Duplicate("charged_twice", "p2", money("90.00", "PLN"))


def test_our_own_order_charged_twice_is_found(own_saleor_bodies: list[Any]) -> None:
    """The Saleor body with two captures of 90.000 PLN."""
    found = find_duplicate(order_from_saleor(own_saleor_bodies[4]), [])
    assert found is not None
    assert (found.kind, found.excess) == ("charged_twice", money("90.00", "PLN"))


def test_a_reference_of_another_order_is_a_duplicate() -> None:
    """The same psp_reference elsewhere is found; on the order itself, or empty, it is not."""
    past = [
        {"order_id": "o1", "payments": [{"psp_reference": "psp-1"}]},
        {"order_id": "o0", "payments": [{"psp_reference": None}, {"psp_reference": "psp-1"}]},
    ]
    assert find_duplicate(order(payment()), past) == Duplicate("reference_reused", "o0", money(0, "PLN"))
    assert find_duplicate(order(payment()), past[:1]) is None
    assert find_duplicate(order(payment(psp_reference="")), past) is None


def test_an_overpayment_by_parts_is_no_double_charge() -> None:
    """Overpaid without a single payment of the amount is for a human, not a duplicate."""
    assert find_duplicate(order(payment(captured="50"), payment(id="p2", captured="50")), []) is None


@pytest.mark.parametrize(
    ("fields", "valid", "problem"),
    [
        ({"iban": "GB82WEST12345698765432"}, True, None),
        ({"iban": "GB82 WEST 1234 5698 7654 32"}, True, None),
        ({"iban": "DE88370400440532013000"}, False, "iban"),
        ({"iban": "DE8937040044053201300"}, False, "iban"),
        ({"card": {"exp_month": 11, "exp_year": 2026}}, True, None),
        ({"card": {"exp_month": 11, "exp_year": 26}}, True, None),
        ({"card": {"exp_month": 10, "exp_year": 2026}}, False, "card.exp_year"),
        ({"card": {"exp_month": 12, "exp_year": 2026}}, True, None),
        ({"card": {"bin": "411111", "brand": "Visa"}}, True, None),
        ({"card": {"bin": "37828224", "brand": "American Express"}}, True, None),
        ({"card": {"bin": "36227206", "brand": "Diners Club"}}, True, None),
        ({"card": {"bin": "411111", "brand": "mastercard"}}, False, "card.brand"),
        ({"card": {"brand": "visa"}}, None, None),
        ({}, None, None),
    ],
)
def test_an_instrument_is_sound_or_says_why_not(
    fields: dict[str, Any], valid: bool | None, problem: str | None
) -> None:
    """IBANs, expiry and brand; nothing to check is not decided."""
    found = check_instrument(payment(**fields), at=NOW)
    assert found.valid is valid
    assert [broken.field for broken in found.problems] == ([problem] if problem else [])


@pytest.mark.parametrize(("month", "year"), [(11, 2026), (12, 2026)])
def test_a_card_is_good_to_the_end_of_its_month_in_the_latest_zone(month: int, year: int) -> None:
    """Noon UTC on the first of the next month is midnight at UTC-12; December rolls into January."""
    last = dt.datetime(year + month // 12, month % 12 + 1, 1, 12, tzinfo=dt.UTC)
    card = payment(card={"exp_month": month, "exp_year": year})
    assert check_instrument(card, at=last - dt.timedelta(seconds=1)).valid
    assert not check_instrument(card, at=last).valid


@pytest.mark.parametrize(
    ("letters", "meaning"),
    [
        ("YXDMF", "full"),
        ("AB", "street"),
        ("ZWP", "postcode"),
        ("N", "none"),
        ("URSGEIC", "not_checked"),
        ("Q", "unknown"),
    ],
)
def test_address_checks(letters: str, meaning: str) -> None:
    """Each letter as the card schemes define it; one of no list is unknown."""
    assert {read_authentication(payment(avs=letter)).address for letter in letters} == {meaning}


@pytest.mark.parametrize(
    ("letter", "meaning"),
    [("M", "match"), ("N", "no_match"), ("P", "not_checked"), ("s", "not_checked"), ("U", "not_checked")],
)
def test_code_checks(letter: str, meaning: str) -> None:
    """Each letter as the card schemes define it, in either case."""
    assert read_authentication(payment(cvv=letter)).cvv == meaning


@pytest.mark.parametrize(
    ("status_code", "eci", "number", "three_ds", "shift"),
    [
        ("Y", "05", "411111", "authenticated", True),
        ("A", "06", "411111", "attempted", True),
        ("Y", "02", "555555", "authenticated", True),
        ("A", "01", "555555", "attempted", True),
        ("Y", 5, None, "authenticated", True),
        ("Y", "02", "411111", "authenticated", False),
        ("Y", "06", "555555", "authenticated", False),
        ("Y", "07", "411111", "authenticated", False),
        ("N", "05", None, "failed", False),
        ("R", "07", None, "failed", False),
        ("U", "07", None, "open", False),
        ("C", None, None, "open", None),
        (None, "05", None, None, None),
    ],
)
def test_3d_secure_and_who_is_liable(
    status_code: str | None, eci: object, number: str | None, three_ds: str | None, shift: bool | None
) -> None:
    """The issuer is liable for Y or A with an ECI of the card's own scheme; not given is not known."""
    card = {"bin": number} if number else None
    found = read_authentication(payment(trans_status=status_code, eci=eci, card=card))
    assert (found.three_ds, found.liability_shift) == (three_ds, shift)


def test_nothing_given_is_nothing_known() -> None:
    """A payment without any check has None throughout, never a failure."""
    assert read_authentication(payment()) == Authentication(None, None, None, None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"active": None}, "payments[0].active"),
        ({"active": "yes"}, "payments[0].active"),
        ({"captured": 90.0}, "payments[0].captured"),
        ({"captured": "-1"}, "payments[0].captured"),
        ({"captured": "90.001"}, "payments[0].captured"),
        ({"refunded": "90.01"}, "payments[0].refunded"),
        ({"currency": None}, "payments[0].currency"),
        ({"currency": "ZZZ"}, "payments[0].currency"),
        ({"method": "barter"}, "payments[0].method"),
        ({"created": "2026-11-01T06:07:00"}, "payments[0].created"),
        ({"id": None}, "payments[0].id"),
        ({"id": 5}, "payments[0].id"),
    ],
)
def test_a_wrong_field_of_a_payment_is_named(fields: dict[str, Any], field: str) -> None:
    """Wrong types and impossible sums are Invalid by their path."""
    with pytest.raises(Invalid) as caught:
        status(payment(**fields))
    assert caught.value.problems[0].field == field


@pytest.mark.parametrize(
    ("card", "field"),
    [
        ({"exp_month": 13, "exp_year": 2026}, "card.exp_month"),
        ({"exp_month": "11", "exp_year": 2026}, "card.exp_month"),
        ({"exp_month": 11, "exp_year": 99999}, "card.exp_year"),
        ({"bin": "4111"}, "card.bin"),
        ({"bin": 411111}, "card.bin"),
        ("4111111111111111", "card"),
    ],
)
def test_a_wrong_field_of_a_card_is_named(card: object, field: str) -> None:
    """No month 13, no BIN of four digits, no card number in the place of a card."""
    with pytest.raises(Invalid) as caught:
        check_instrument(payment(card=card), at=NOW)
    assert caught.value.problems[0].field == field


def test_the_moment_of_a_check_carries_its_offset() -> None:
    """A naive time is Invalid."""
    with pytest.raises(Invalid, match="at: "):
        check_instrument(payment(), at=dt.datetime(2026, 11, 15))
