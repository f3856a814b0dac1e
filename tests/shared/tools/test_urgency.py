"""Impact, urgency, priority and due time of a ticket."""

from __future__ import annotations

import datetime as dt

import pytest

from shared.errors import Invalid
from shared.tools.tables.ticket_cues import CUES, ENGLISH
from shared.tools.urgency import Level, due_at, impact_urgency, priority
from shared.tools.working_time import Opening

FRIDAY = dt.date(2026, 12, 11)
MONDAY = dt.date(2026, 12, 14)
NINE_TO_FIVE = Opening(dt.time(9), dt.time(17))


def levels(text: str, *, vip: bool = False, language: str = "en", locale: str = "en_US") -> tuple[Level, Level]:
    found = impact_urgency(text, vip=vip, today=FRIDAY, soon=MONDAY, language=language, locale=locale)
    return found.impact, found.urgency


@pytest.mark.parametrize(
    ("text", "impact"),
    [
        ("Payments are down", "high"),
        ("The login page has been down since noon", "high"),
        ("All users see this", "high"),
        ("Several customers have complained to us", "high"),
        ("The shoes broke after a day", "medium"),
        ("My phone doesn't turn on", "medium"),
        ("I cannot use the app", "medium"),
        ("Where is my order?", "low"),
        ("", "low"),
    ],
)
def test_impact_follows_how_many_are_hit_and_how_hard(text: str, impact: str) -> None:
    assert levels(text)[0] == impact


def test_a_vip_customer_has_medium_impact_at_least() -> None:
    assert levels("Where is my order?", vip=True)[0] == "medium"
    assert levels("Payments are down", vip=True)[0] == "high"


@pytest.mark.parametrize(
    ("text", "urgency"),
    [
        ("The kettle sparks and smokes", "high"),
        ("My son got an electric shock", "high"),
        ("Nobody was hurt", "low"),
        ("There was no fire", "low"),
        ("I need the dress by Monday", "high"),
        ("I need the dress by Tuesday", "low"),  # Monday is one working day after Friday
        ("It must be here before 12 December", "high"),
        ("I need it within 24 hours", "high"),
        ("I need it within 96 hours", "low"),
        ("We need it tomorrow", "high"),
        ("I ordered it today", "low"),
        ("I need a bill for 3 December", "low"),  # past
        ("I am stuck, I cannot log in", "medium"),
        ("I am stuck. For now I use my old phone", "low"),
        ("Where is my order?", "low"),
    ],
)
def test_urgency_follows_danger_deadlines_and_being_blocked(text: str, urgency: str) -> None:
    assert levels(text)[1] == urgency


def test_german_tickets_are_read_by_german_cues() -> None:
    text = "Der Wasserkocher raucht. Ich brauche bis 14.12. Ersatz."
    assert levels(text, language="de", locale="de_DE") == ("low", "high")
    assert levels("Mehrere Kunden können nicht bezahlen", language="de") == ("high", "medium")


def test_the_sentence_behind_each_level_is_quoted() -> None:
    found = impact_urgency("Hello. The lamp broke. It smokes!", vip=False, today=FRIDAY, soon=MONDAY)
    assert {(one.kind, one.quote) for one in found.evidence} == {
        ("unusable", "The lamp broke."),
        ("safety", "It smokes!"),
    }


def test_a_tenants_own_cues_are_added() -> None:
    cues = ENGLISH.plus({"safety": ("brake failure",)})
    found = impact_urgency("A brake failure!", vip=False, today=FRIDAY, soon=MONDAY, cues=cues)
    assert found.urgency == "high"


def test_every_language_fills_every_list_of_cues() -> None:
    for cues in CUES.values():
        assert all(getattr(cues, name) for name in cues.__dataclass_fields__)
        assert len(cues.weekdays) == 7


@pytest.mark.parametrize(
    ("impact", "urgency", "expected"),
    [
        ("high", "high", 1),
        ("high", "medium", 2), ("medium", "high", 2),
        ("high", "low", 3), ("medium", "medium", 3), ("low", "high", 3),
        ("medium", "low", 4), ("low", "medium", 4),
        ("low", "low", 5),
    ],
)  # fmt: skip
def test_priority_is_the_itil_matrix(impact: Level, urgency: Level, expected: int) -> None:
    assert priority(impact, urgency) == expected


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(Invalid, match="impact, urgency"):
        priority("urgent", "low")


def test_priority_2_of_friday_afternoon_is_due_on_monday() -> None:
    friday = dt.datetime(2026, 12, 11, 16, tzinfo=dt.UTC)
    assert due_at(2, friday, NINE_TO_FIVE) == dt.datetime(2026, 12, 14, 16, tzinfo=dt.UTC)


def test_holidays_and_closures_do_not_count() -> None:
    opening = Opening(dt.time(9), dt.time(17), "Europe/Berlin")
    received = dt.datetime(2026, 12, 24, 15, tzinfo=dt.UTC)  # Thursday, 16:00 in Berlin; then Christmas
    due = due_at(2, received, opening, country="DE", closures=[dt.date(2026, 12, 28)])
    assert due == dt.datetime(2026, 12, 29, 15, tzinfo=dt.UTC)


def test_priority_5_has_no_limit_by_default_and_a_tenant_may_set_one() -> None:
    friday = dt.datetime(2026, 12, 11, 9, tzinfo=dt.UTC)
    assert due_at(5, friday, NINE_TO_FIVE) is None
    assert due_at(5, friday, NINE_TO_FIVE, hours={5: 8}) == dt.datetime(2026, 12, 11, 17, tzinfo=dt.UTC)
    with pytest.raises(Invalid, match="priority: must be one of 5"):
        due_at(1, friday, NINE_TO_FIVE, hours={5: 8})


@pytest.mark.parametrize("unit", ["I need it by 13/12. ", "payments x x x ", "need ", "1 h ", "no smoke "])
def test_five_megabytes_are_read_at_their_beginning(unit: str) -> None:
    levels(unit * (5_000_000 // len(unit)))
