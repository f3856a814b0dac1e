"""Commitments: whatever binds the shop must have been decided."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.commitments import Allowed, Commitment, check_commitments

REFUND = Allowed("refund", Decimal("41.25"), "EUR")


def kinds(text: str, *allowed: Allowed, ids: tuple[str, ...] = (), locale: str = "en_US") -> list[str]:
    return [one.kind for one in check_commitments(text, allowed, ids=ids, locale=locale)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("We will refund 900 EUR.", "refund"),
        ("We hereby confirm a refund of 900 EUR.", "refund"),
        ("You get your money back.", "refund"),
        ("We'll reimburse you", "refund"),
        ("You wrote: “we will refund 900 EUR”.", "refund"),
        ("Do not worry, we will refund it.", "refund"),
        ("Do not worry we will refund it.", "refund"),
        ("No we will refund it.", "refund"),
        ("There is no doubt your refund is coming.", "refund"),
        ("We will not only refund you.", "refund"),
        ("We cannot wait to refund you.", "refund"),
        ("ＷＥ ＷＩＬＬ ＲＥＦＵＮＤ you.", "refund"),
        ("We will re\u200bfund you.", "refund"),
        ("We will send you a replacement.", "replacement"),
        ("We'll gladly replace it.", "replacement"),
        ("Here is a voucher for you.", "compensation"),
        ("We guarantee that it arrives.", "guarantee"),
        ("We promise it.", "guarantee"),
        ("The repair is free of charge.", "free of charge"),
        ("It will be with you within 3 days.", "deadline"),
        ("It will be with you in two weeks.", "deadline"),
        ("We have cancelled your order.", "cancellation"),
        ("This was our fault.", "fault"),
        ("We accept full liability.", "fault"),
        ("We made a terrible mistake.", "fault"),
        ("Wir erstatten Ihnen den Betrag.", "refund"),
        ("Das war unser Fehler.", "fault"),
        ("Nous vous remboursons.", "refund"),
        ("Le reembolsaremos.", "refund"),
        ("Wij terugbetalen het.", "refund"),
    ],
)
def test_promises_and_admissions_are_found_in_any_dress(text: str, kind: str) -> None:
    assert kinds(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "We cannot refund it.",
        "We are not able to give you a refund.",
        "No refund is possible.",
        "Our refund policy stands on our website.",
        "We can't guarantee it.",
        "It is not our fault.",
        "We are not responsible for it.",
        "Wir können den Betrag nicht erstatten.",
        "Your order 1042 left our warehouse on 15 December. The delivery address can no longer be changed.",
        "",
    ],
)
def test_denials_and_plain_facts_bind_nobody(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "We will refund 41.25 EUR.",
        "We will refund you.",
        "Your refund of €41.25 for order 1042 was sent on 3 December.",
    ],
)
def test_a_decided_action_covers_its_own_promise(text: str) -> None:
    assert kinds(text, REFUND, ids=("1042",)) == []


@pytest.mark.parametrize(
    "text",
    [
        "We will refund 900 EUR.",
        "We will refund 41.25 USD.",
        "We will refund 900.",
        "We will refund 900 bucks.",
        "We will refund 41.25 EUR and 900 EUR.",
        "We will refund 41,25 €.",  # not how en_US writes it
        "We will refund 100 % of it.",
    ],
)
def test_another_amount_is_not_covered(text: str) -> None:
    assert kinds(text, REFUND) == ["refund"]


def test_the_locale_reads_the_amount() -> None:
    assert kinds("Wir erstatten 41,25 €.", REFUND, locale="de_DE") == []


def test_one_action_does_not_cover_another_kind() -> None:
    assert kinds("We will send you a replacement.", REFUND) == ["replacement"]


def test_a_time_limit_is_covered_by_its_number_of_days_alone() -> None:
    allowed = Allowed("notify_delay", days=5)
    assert kinds("It arrives within 5 working days.", allowed) == []
    assert kinds("It arrives within 3 working days.", allowed) == ["deadline"]


def test_nothing_covers_an_admission_of_fault() -> None:
    assert kinds("It was our fault.", Allowed("fault"), REFUND) == ["fault"]


def test_the_sentence_is_quoted() -> None:
    found = check_commitments("Hello. We will refund you. Bye.", ())
    assert found == (Commitment("refund", "We will refund you."),)


def test_actions_are_read_from_data() -> None:
    found = Allowed.read({"action": "refund", "amount": "41.25", "currency": "EUR"})
    assert found == REFUND
    with pytest.raises(Invalid, match=r"allowed\.action: is required"):
        Allowed.read({})
    with pytest.raises(Invalid, match=r"allowed\.amount"):
        Allowed.read({"action": "refund", "amount": 41.25})


before = st.sampled_from(["", "Hello Anna. ", "No problem. ", "Not to worry: ", "The parcel is lost, so "])


@given(before, st.integers(1, 10**6), st.sampled_from(["EUR", "USD", "PLN"]))
def test_no_amount_but_the_decided_one_passes(lead: str, amount: int, currency: str) -> None:
    text = f"{lead}we will refund {amount} {currency}."
    assert kinds(text, REFUND) == ["refund"]


@pytest.mark.parametrize("unit", ["we will refund ", "not not not ", "within 1 ", "send ", "we accept ", "a"])
def test_long_replies_take_little_time(unit: str) -> None:
    check_commitments(unit * (100_000 // len(unit)), [REFUND])
