from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.money import Money
from shared.tools.order_facts import MESSAGE_KINDS
from shared.tools.order_messages import (
    KINDS,
    STATE_AFTER,
    Channel,
    already_said,
    choose_channel,
    message_digest,
    message_kind,
    send_at,
    state_after,
)

FACTS: list[Mapping[str, object]] = [
    {"key": "order_id", "value": "1042", "source": "order.order_id"},
    {"key": "total", "value": Money(Decimal("90"), "EUR"), "source": "order.amount"},
    {"key": "latest", "value": dt.date(2026, 12, 3), "source": "fulfilment_planner"},
]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, "placed", "confirmation"),
        (None, "confirmed", "confirmation"),
        (None, "awaiting_payment", "payment_needed"),
        ("placed", "awaiting_payment", "payment_needed"),
        ("placed", "confirmed", None),
        ("awaiting_payment", "confirmed", "confirmation"),
        ("confirmed", "delayed", "delayed"),
        ("confirmed", "partly_shipped", "partly_shipped"),
        ("partly_shipped", "shipped", "shipped"),
        ("delayed", "shipped", "shipped"),
        ("shipped", "delayed", None),
        ("shipped", "refunded", "refunded"),
        ("cancelled", "refunded", "refunded"),
        ("cancelled", "shipped", None),
        ("refunded", "cancelled", None),
        ("delayed", "confirmed", None),
    ],
)
def test_a_change_of_state_has_its_message(before: str | None, after: str, kind: str | None) -> None:
    assert message_kind(before, after) == kind


@given(st.sampled_from(sorted(KINDS)))
def test_the_same_state_again_is_no_news(state: str) -> None:
    assert message_kind(state, state) is None


def test_a_second_delay_with_another_date_is_news() -> None:
    assert message_kind("delayed", "delayed", changed=True) == "delayed"
    assert message_kind("partly_shipped", "partly_shipped", changed=True) == "partly_shipped"
    assert message_kind("shipped", "shipped", changed=True) is None


@pytest.mark.parametrize(("before", "after"), [("lost", "shipped"), (None, "lost"), ("placed", "paid")])
def test_a_state_that_does_not_exist_is_refused(before: str | None, after: str) -> None:
    with pytest.raises(Invalid):
        message_kind(before, after)


def test_the_tables_agree_with_each_other() -> None:
    assert {kind for kind, _ in KINDS.values()} == set(MESSAGE_KINDS)
    assert {state for state in STATE_AFTER.values() if state} == set(KINDS)


@pytest.mark.parametrize("happened", ["decline", "review", "overpaid", "mismatch"])
def test_what_a_human_decides_puts_the_order_into_no_state_to_be_told(happened: str) -> None:
    assert state_after(happened) is None


def test_the_outcomes_of_the_flow_lead_to_states() -> None:
    assert [state_after(name) for name in ("unpaid", "paid", "planned", "short")] == [
        "awaiting_payment",
        "confirmed",
        "confirmed",
        "delayed",
    ]
    with pytest.raises(Invalid):
        state_after("exploded")


def test_a_payment_that_arrives_twice_sends_one_message() -> None:
    first = already_said("1042", "confirmation", FACTS)
    assert not first.said
    sent = [{"id": "m1", "order_id": "1042", "digest": first.digest, "status": "sent"}]
    assert already_said("1042", "confirmation", FACTS, sent).said
    waiting = [{**sent[0], "status": "waiting"}]
    again = already_said("1042", "confirmation", FACTS, waiting)
    assert (again.said, again.replaces) == (True, ())


def test_an_older_message_that_still_waits_is_replaced() -> None:
    messages = [
        {"id": "m1", "order_id": "1042", "digest": "other", "status": "sent"},
        {"id": "m2", "order_id": "1042", "digest": "other", "status": "waiting"},
        {"id": "m3", "order_id": "1043", "digest": "other", "status": "waiting"},
    ]
    found = already_said("1042", "shipped", FACTS, messages)
    assert (found.said, found.replaces) == (False, ("m2",))


def test_a_message_record_that_cannot_be_read_is_refused_by_its_path() -> None:
    with pytest.raises(Invalid) as refused:
        already_said("1", "shipped", FACTS, [{"id": "m", "order_id": "1", "digest": "d", "status": "lost"}])
    assert refused.value.problems[0].field == "messages[0].status"


def test_the_digest_is_of_what_is_told_and_of_nothing_else() -> None:
    digest = message_digest("1042", "shipped", FACTS)
    plain: list[Mapping[str, object]] = [
        {"key": "latest", "value": "2026-12-03", "source": "elsewhere"},
        {"key": "total", "value": {"amount": "90.00", "currency": "EUR"}, "source": "elsewhere"},
        {"key": "order_id", "value": "1042", "source": "elsewhere"},
    ]
    tomorrow = {"key": "latest", "value": "2026-12-04"}
    assert message_digest("1042", "shipped", plain) == digest
    assert message_digest("1043", "shipped", FACTS) != digest
    assert message_digest("1042", "delayed", FACTS) != digest
    assert message_digest("1042", "shipped", FACTS[:2]) != digest
    assert message_digest("1042", "shipped", [*FACTS[:2], tomorrow]) != digest


def warsaw(day: int, hour: int, minute: int = 0, second: int = 0) -> dt.datetime:
    return dt.datetime(2026, 12, day, hour, minute, second, tzinfo=ZoneInfo("Europe/Warsaw"))


@pytest.mark.parametrize(
    ("now", "sent"),
    [
        (warsaw(3, 7, 59, 59), warsaw(3, 8)),
        (warsaw(3, 8), warsaw(3, 8)),
        (warsaw(3, 21), warsaw(3, 21)),
        (warsaw(3, 21, 0, 1), warsaw(4, 8)),
        (warsaw(3, 0), warsaw(3, 8)),
        (warsaw(31, 23), dt.datetime(2027, 1, 1, 8, tzinfo=ZoneInfo("Europe/Warsaw"))),
    ],
)
def test_a_text_message_waits_for_the_morning_of_the_customer(now: dt.datetime, sent: dt.datetime) -> None:
    assert send_at(now, "Europe/Warsaw", "sms") == sent
    assert send_at(now, "Europe/Warsaw", "email") == now


def test_the_morning_after_the_clocks_change_is_at_8_by_the_new_time() -> None:
    saturday_night = dt.datetime(2026, 3, 28, 22, tzinfo=ZoneInfo("Europe/Warsaw"))
    assert send_at(saturday_night, "Europe/Warsaw", "sms") == dt.datetime(2026, 3, 29, 6, tzinfo=dt.UTC)


@given(
    st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),
    st.sampled_from(["Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati"]),
)
def test_a_text_message_goes_within_the_hours_and_within_half_a_day(now: dt.datetime, zone: str) -> None:
    sent = send_at(now, zone, "sms")
    assert dt.time(8) <= sent.astimezone(ZoneInfo(zone)).time() <= dt.time(21)
    assert dt.timedelta(0) <= sent - now <= dt.timedelta(hours=12)
    assert sent.utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize(
    ("now", "zone", "field"),
    [
        (dt.datetime(2026, 12, 3, 9), "Europe/Warsaw", "now"),
        (warsaw(3, 9), "Europe", "zone"),
        (warsaw(3, 9), "", "zone"),
    ],
)
def test_a_time_or_zone_that_says_nothing_is_refused(now: dt.datetime, zone: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        send_at(now, zone, "sms")
    assert refused.value.problems[0].field == field


@pytest.mark.parametrize(
    ("consent", "email", "phone", "preferred", "way"),
    [
        ({"email": True, "sms": True}, "a@b.example", "+48", "email", "email"),
        ({"email": True, "sms": True}, "a@b.example", "+48", "sms", "sms"),
        ({"email": False, "sms": True}, "a@b.example", "+48", "email", "sms"),
        ({"email": True, "sms": True}, None, "+48", "email", "sms"),
        ({"email": True}, "a@b.example", "+48", "sms", "email"),
        ({"email": False, "sms": False}, "a@b.example", "+48", "email", None),
        ({}, "a@b.example", "+48", "email", None),
    ],
)
def test_without_consent_for_a_way_the_other_one_is_taken_else_none(
    consent: dict[str, bool], email: str | None, phone: str | None, preferred: Channel, way: Channel | None
) -> None:
    assert choose_channel(consent, email, phone, preferred) == way
