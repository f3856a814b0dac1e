"""Triage as a whole: the ticket triager's proof and its nasty cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.known_ticket import OpenTicket
from shared.tools.tables.ticket_topics import OTHER, TOPICS
from shared.tools.ticket import Confirmed, Ticket, TicketHistory
from shared.tools.triage import classify_topic, triage
from shared.tools.triage_settings import TriageSettings

FRIDAY = dt.datetime(2026, 12, 11, 16, tzinfo=dt.UTC)
TENANT = TriageSettings()


def sent(message: str, **fields: object) -> Ticket:
    return Ticket.read({"message": message, "customer_id": "anna", **fields}, FRIDAY)


@pytest.mark.parametrize(
    ("category", "message"),
    [
        ("order_status", "Has my order shipped yet? I ordered last week and got no confirmation"),
        ("order_status", "Where is my order 1042?"),
        ("delivery", "The courier says delivered but I never got the parcel"),
        ("delivery", "My package arrived without one item, something is missing from the box"),
        ("refund", "I'd like to return these shoes and get my money back"),
        ("refund", "When will the refund reach my bank account?"),
        ("payment", "You charged my card twice for the same order"),
        ("payment", "Please send me an invoice with your VAT number"),
        ("product", "Is this jacket available in blue, and does it fit size 42?"),
        ("technical", "The app crashes with error code 500 whenever I open it"),
        ("technical", "The checkout page does not load, only a blank screen"),
        ("account", "How can I change the email address of my account?"),
        ("cancellation", "I want to cancel my subscription at the end of the month"),
        ("complaint", "Your staff was rude and this is unacceptable, I am very disappointed"),
        ("other", "What are the opening hours of your store in Berlin?"),
        ("payment", "Mein Gutschein wird an der Kasse nicht angenommen"),
        ("cancellation", "Ich möchte meinen Vertrag kündigen"),
    ],
)
def test_a_new_tenant_has_its_tickets_sorted_by_the_seed_phrases(category: str, message: str) -> None:
    found = triage(sent(message), TicketHistory(), TENANT)
    assert found.category == category
    assert found.confidence == min(found.p[category], 0.5)


def test_confirmed_tickets_outweigh_the_seed_phrases() -> None:
    confirmed = [Confirmed("the widget glorps", "product"), Confirmed("glorping again", "product")]
    assert triage(sent("it glorps"), TicketHistory(confirmed), TENANT).category == "product"


def test_confidence_is_at_most_what_past_categories_deserve() -> None:
    """160 of the last 200 right: lower Wilson bound 0.739."""
    right = [Confirmed("where is my order", "order_status", "order_status")] * 160
    wrong = [Confirmed("where is my order", "order_status", "delivery")] * 40
    ancient = [Confirmed("where is my order", "order_status", "delivery")] * 500
    found = triage(sent("where is my order"), TicketHistory([*ancient, *wrong, *right]), TENANT)
    assert found.p["order_status"] > 0.9
    assert found.confidence == pytest.approx(0.739, abs=5e-4)


def test_probabilities_of_all_categories_sum_to_one() -> None:
    found = triage(sent("Where is my order?"), TicketHistory(), TENANT)
    assert set(found.p) == set(TOPICS["en"])
    assert sum(found.p.values()) == pytest.approx(1)


def test_a_forwarded_threat_is_sorted_by_its_senders_words_and_still_quoted() -> None:
    """Legal words of the message have stopped it by rule before; a second stop for the same would ask twice."""
    message = (
        "Thanks, solved.\n\n---------- Forwarded message ---------\nFrom: Bob <b@shop.example>\n"
        "Date: Mon, 14 Dec 2026\nSubject: Order\nTo: <anna@home.example>\n\nNext you will hear of a lawsuit."
    )
    found = triage(sent(message), TicketHistory(), TENANT)
    assert found.message.text == "Thanks, solved."
    assert found.category == OTHER
    assert [match.word for match in found.legal] == ["lawsuit"]
    assert found.escalations == ()


def test_a_legal_word_in_the_subject_alone_calls_a_human() -> None:
    """No rule reads the subject."""
    found = triage(sent("Call me.", subject="My lawyer"), TicketHistory(), TENANT)
    assert [(one.trigger, one.field, one.actual) for one in found.escalations] == [
        ("legal_review_required", "subject", ["lawyer"])
    ]
    both = triage(sent("My lawyer will call.", subject="My lawyer"), TicketHistory(), TENANT)
    assert both.escalations == ()


def test_an_empty_message_with_an_attachment_is_other_without_confidence() -> None:
    found = triage(sent("", attachments=[{"name": "photo.jpg", "size": 1000}]), TicketHistory(), TENANT)
    assert (found.category, found.confidence) == (OTHER, 0.0)
    assert sum(found.p.values()) == pytest.approx(1)


@pytest.mark.parametrize("message", ["qwzx", "😡😡", "Ещё нет посылки", "配送はまだですか"])
def test_words_that_nobody_taught_leave_no_confidence(message: str) -> None:
    found = triage(sent(message), TicketHistory(), TENANT)
    assert (found.category, found.confidence) == (OTHER, 0.0)


def test_priority_and_due_time_follow_from_what_is_said() -> None:
    found = triage(sent("The kettle broke and smokes!"), TicketHistory(), TENANT)
    assert found.priority == 2
    assert found.due_at == dt.datetime(2026, 12, 14, 16, tzinfo=dt.UTC)


def test_orders_are_the_customers_own() -> None:
    found = triage(sent("Order 1042 or order 77?", order_id="1042"), TicketHistory(orders=["2000"]), TENANT)
    assert found.references.order_ids == ("1042",)
    assert found.references.unknown_orders == ("77",)


def test_card_numbers_leave_the_message_masked() -> None:
    found = triage(sent("Charge my card 4111 1111 1111 1111 again"), TicketHistory(), TENANT)
    assert "4111 1111" not in found.message.text
    assert [(one.kind, one.last4) for one in found.masked] == [("card", "1111")]


def test_a_second_copy_proposes_to_merge() -> None:
    text = "I ordered two pairs of shoes last week and they have not arrived, where is the parcel now"
    old = OpenTicket("t1", "anna", text, "order_status", FRIDAY - dt.timedelta(hours=3))
    found = triage(sent(text, id="t2"), TicketHistory(open=[old]), TENANT)
    assert found.duplicate_of == "t1"
    assert [(one.action, one.detail) for one in found.proposals] == [("merge_ticket", {"into": "t1"})]


def test_many_with_one_problem_propose_an_incident_and_call_a_human() -> None:
    text = "The checkout page shows a blank screen"
    others = [OpenTicket(f"t{n}", f"c{n}", text, "technical", FRIDAY) for n in range(5)]
    history = TicketHistory(open=others, hourly_rate={"technical": 0.8})
    found = triage(sent(text, id="new"), history, TENANT)
    assert found.incident
    assert [one.action for one in found.proposals] == ["open_incident"]
    assert [one.trigger for one in found.escalations] == ["unusual_behavior_pattern"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "message: must be text"),
        ({"message": None}, "message: must be text"),
        ({"message": ["x"]}, "message: must be text"),
        ({"message": " "}, "message: must not be empty"),
        ({"message": "x", "received_at": "2026-12-11T16:00:00"}, "received_at: must carry its offset"),
        ({"message": "x", "vip_customer": "yes"}, "vip_customer: must be true or false"),
    ],
)
def test_a_ticket_that_cannot_be_read_is_refused_by_its_field(data: Mapping[str, object], problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        Ticket.read(data, FRIDAY)


def test_a_tenants_document_sets_categories_numbers_cues_and_times() -> None:
    settings = TriageSettings.read(
        {
            "locale": "en_GB",
            "topics": {"boats": ["sail mast keel"], "other": ["hello"]},
            "ids": {"order": ["B-{4d}"]},
            "cues": {"safety": ["capsized"]},
            "sla_hours": {"3": 2, "5": None},
            "opening": {"opens": "08:00", "closes": "18:00", "time_zone": "Europe/London"},
            "country": "GB",
            "closures": ["2026-12-14"],
        }
    )
    found = triage(sent("We capsized, the mast of B-1234 broke", order_id="b-1234"), TicketHistory(), settings)
    assert (found.category, found.priority, found.references.order_ids) == ("boats", 2, ("b-1234",))
    assert found.due_at == dt.datetime(2026, 12, 15, 14, tzinfo=dt.UTC)  # 2 h on Friday, 6 h on Tuesday


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"topics": {"boats": ["x"]}}, "topics.en: must have the topic 'other'"),
        ({"topics": {"de": {"other": ["x"]}}}, "topics: must have English"),
        ({"topics": {"other": "x"}}, "topics.en.other: must be a list of texts"),
        ({"ids": {"parcel": []}}, "ids.parcel: must be one of order"),
        ({"cues": {"denial": ["x"]}}, "cues.denial: must be one of many"),
        ({"sla_hours": {"6": 1}}, "sla_hours.6"),
        ({"sla_hours": {"1": "soon"}}, "sla_hours.1: must be a number"),
        ({"closures": ["24.12.2026"]}, r"closures\[0\]: must be a date"),
    ],
)
def test_a_document_that_cannot_work_is_refused_by_its_field(document: dict[str, object], problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        TriageSettings.read(document)


def test_an_example_of_a_category_that_is_gone_is_left_out() -> None:
    topic = classify_topic("where is my order", [Confirmed("x", "abolished")], TOPICS)
    assert topic.category == "order_status"


@given(st.text(min_size=1))
def test_no_message_is_too_strange(message: str) -> None:
    if message.strip():
        found = triage(sent(message), TicketHistory(), TENANT)
        assert 0 <= found.confidence <= 0.5
        assert found.category in found.p


@pytest.mark.parametrize("unit", ["refund order 12 ä ", "<p>", "a", "\n", "need it by 13/12 "])
def test_five_megabytes_are_triaged_in_seconds(unit: str) -> None:
    triage(Ticket(unit * (5_000_000 // len(unit)), FRIDAY), TicketHistory(), TENANT)
