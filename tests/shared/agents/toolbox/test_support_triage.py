"""The ticket_triager end to end: its file, its tools, the playbook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.jsontext import dumps
from shared.agents.case import Case
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.errors import Invalid
from shared.escalation.classify import classify
from shared.escalation.policy import DEFAULT_POLICY
from shared.tools.known_ticket import OpenTicket
from shared.tools.ticket import Confirmed
from tests.shared.agents.toolbox.desk import ANNA, NOW, SETTINGS, Past, PastOrder, stops, triage, work

FORWARDED = (
    "Thanks, the parcel with my order came.\n\n---------- Forwarded message ---------\nFrom: Bob <b@shop.example>\n"
    "Date: Mon, 14 Dec 2026\nSubject: Order\nTo: <anna@home.example>\n\nNext you will hear of a lawsuit."
)
#: JSON of any shape, with numbers as the store gives them.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "subject", "channel", "customer_id", "email", "name", "phone", "vip_customer", "order_id", "attachments",
    "received_at", "locale", "language", "sentiment",
]  # fmt: skip


def test_the_tools_of_both_roles_are_the_ones_of_their_files() -> None:
    for name in ("ticket_triager", "reply_drafter"):
        tools = tools_of(role(name))
        assert list(tools) == list(role(name).tools)
        assert all(tool.description.endswith(".") for tool in tools.values())


@pytest.mark.parametrize("name", ["ticket_triager", "reply_drafter"])
def test_every_tool_shows_json(name: str) -> None:
    """A model sees what a tool finds as JSON text."""
    worker = role(name)
    data = {"message": "Card 4111 1111 1111 1111 was charged for order 1042, where is it?", **ANNA}
    case = Case(name, "t-1", "support_ticket", data, SETTINGS, Past([PastOrder()]), NOW, tools_of(worker))
    for tool in worker.playbook:
        assert dumps(case.get(tool))
    # The asks are quoted as the store has them: the front door masks before anything is stored.
    assert "4111 1111" not in dumps({tool: case.get(tool) for tool in worker.playbook if tool != "extract_asks"})


def test_an_ordinary_ticket_is_sorted_and_goes_on() -> None:
    found = triage("Where is my order 1042?", Past([PastOrder()]))
    assert (found.outcome, found.output["category"], found.output["priority"]) == ("triaged", "order_status", 5)
    assert found.output["references"]["order_ids"] == ["1042"]
    assert (found.output["customer"], found.output["text"]) == ("anna@home.example", "Where is my order 1042?")
    assert not stops("ticket_triager", found)


def test_a_forwarded_threat_is_stopped_by_rule_and_sorted_by_its_senders_words() -> None:
    """The rule reads the raw message; the triager quotes the word and does not stop the ticket for it again."""
    found = triage(FORWARDED)
    assert found.output["text"] == "Thanks, the parcel with my order came."
    assert found.output["legal_words"] == ["lawsuit"]
    assert found.escalations == ()
    verdict = classify("support_ticket", {"message": FORWARDED}, DEFAULT_POLICY)
    assert "legal_review_required" in verdict.triggers


def test_an_empty_message_with_an_attachment_is_other_and_goes_to_a_human() -> None:
    found = triage("", attachments=[{"name": "photo.jpg", "size": 1000}])
    assert (found.output["category"], found.confidence) == ("other", 0.0)
    assert stops("ticket_triager", found)


def test_a_german_ticket_is_read_in_german() -> None:
    found = triage("Wo ist meine Bestellung 1042? Ich habe noch keine Versandbestätigung.", Past([PastOrder()]))
    assert (found.output["language"], found.output["category"]) == ("de", "order_status")
    assert found.output["references"]["order_ids"] == ["1042"]


def test_emoji_alone_say_nothing() -> None:
    found = triage("😡😡😡")
    assert found.confidence == 0
    assert stops("ticket_triager", found)


def test_priority_2_received_on_friday_at_16_is_due_on_monday_at_16() -> None:
    """The page's proof, by a shop that opens from 9 to 17 in its own zone."""
    friday = datetime(2026, 12, 11, 15, tzinfo=UTC)  # 16:00 in Berlin
    found = triage("The stove broke and smokes!", received_at=friday.isoformat())
    assert found.output["priority"] == 2
    assert found.output["due_at"] == "2026-12-14T15:00:00+00:00"


def test_an_order_of_somebody_else_is_no_order_of_this_customer() -> None:
    past = Past([PastOrder(), PastOrder("77", email="bob@home.example")])
    found = triage("Where are order 1042 and order 77?", past, order_id="78")
    assert found.output["references"]["order_ids"] == ["1042"]
    assert found.output["references"]["unknown_orders"] == ["78", "77"]


def test_a_second_copy_of_an_open_ticket_is_merged_without_a_human() -> None:
    text = "I ordered two pairs of shoes last week and they have not arrived, where is the parcel now"
    old = OpenTicket("t-0", "anna@home.example", text, "order_status", NOW - timedelta(hours=3))
    found = triage(text, Past(others=[old]))
    assert found.output["duplicate_of"] == "t-0"
    assert [(one.action, one.detail) for one in found.proposals] == [("merge_ticket", {"into": "t-0"})]
    assert not stops("ticket_triager", found)


def test_a_ticket_that_has_ended_takes_in_no_duplicate() -> None:
    """Who writes again after an answer was not helped by it."""
    text = "I ordered two pairs of shoes last week and they have not arrived, where is the parcel now"
    old = OpenTicket("t-0", "anna@home.example", text, "order_status", NOW - timedelta(hours=3), ended=True)
    assert triage(text, Past(others=[old])).output["duplicate_of"] is None


@pytest.mark.parametrize(("others", "incident"), [(4, False), (5, True)])
def test_at_a_rate_of_0_8_an_hour_the_sixth_customer_makes_an_incident(others: int, incident: bool) -> None:
    """The page's proof: 5 tickets have p = 0.00141, 6 have 0.000184, the limit is 0.00135."""
    text = "The checkout page shows a blank screen"
    past = Past(
        others=[OpenTicket(f"t{n}", f"c{n}", text, "technical", NOW) for n in range(others)], rates={"technical": 0.8}
    )
    found = triage(text, past)
    assert found.output["incident"] is incident
    if incident:
        assert [(one.action, one.detail["category"]) for one in found.proposals] == [("open_incident", "technical")]
        assert [one.trigger for one in found.escalations] == ["unusual_behavior_pattern"]


def test_confidence_is_the_lower_bound_of_160_right_of_200() -> None:
    """The page's proof: 0.739."""
    right = [Confirmed("where is my order", "order_status", "order_status")] * 160
    wrong = [Confirmed("where is my order", "order_status", "delivery")] * 40
    assert triage("where is my order", Past(right=[*wrong, *right])).confidence == pytest.approx(0.739, abs=5e-4)


def test_five_megabytes_are_triaged_in_seconds() -> None:
    found = triage("Where is my order 1042? " * 210_000, Past([PastOrder()]))
    assert len(found.output["text"]) <= 10_000


@pytest.mark.parametrize(
    ("support", "problem"),
    [
        ([], "settings.support: must be an object"),
        ({"opening": {"opens": "9"}}, "opening.opens"),
        ({"opening": "always"}, "settings.support.opening"),
        ({"sla_hours": {"9": 1}}, "sla_hours.9"),
    ],
)
def test_settings_that_cannot_work_are_named(support: Any, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        work("ticket_triager", {"message": "x", **ANNA}, None, settings={"support": support})


@settings(max_examples=100)
@given(st.fixed_dictionaries({"message": JSON}, optional=dict.fromkeys(FIELDS, JSON)))
def test_any_ticket_is_concluded_or_refused_by_its_field(data: dict[str, Any]) -> None:
    past = Past([PastOrder()], right=[Confirmed("where is it", "order_status")])
    refused: tuple[object, ...] | None = None
    try:
        found = work("ticket_triager", data, past)
        work("reply_drafter", data, past, results={"ticket_triager": {**found.output, "outcome": found.outcome}})
    except Invalid as error:
        refused = error.problems
    assert refused is None or refused


@settings(max_examples=100)
@given(
    message=st.text(min_size=1).filter(str.strip),
    draft=st.text(),
    data=st.fixed_dictionaries({}, optional={name: st.text() for name in ("subject", "name", "order_id", "locale")}),
    sentiment=st.none() | st.floats(-1, 1) | st.decimals(-1, 1),
)
def test_no_words_are_too_strange(message: str, draft: str, data: dict[str, Any], sentiment: Any) -> None:
    past = Past([PastOrder()])
    ticket = {"message": message, "email": "anna@home.example", "sentiment": sentiment, **data}
    found = work("ticket_triager", ticket, past)
    results = {"ticket_triager": {**found.output, "outcome": found.outcome}}
    reply = work("reply_drafter", ticket, past, draft, results)
    assert 0 <= found.confidence <= 1
    assert 0 <= reply.confidence <= 1
    assert reply.proposals[0].detail["recipient"] == "anna@home.example"
