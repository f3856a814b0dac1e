"""A message comes out of RabbitMQ's properties and headers as it went in."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from events.topology import QueueSpec
from shared.bus.port import EXPIRED, Message
from shared.bus.rabbitmq.wire import death, new_parcel, properties, read_dead_letter, read_parcel

SPEC = QueueSpec("q", 5, 600)
SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
MESSAGES = st.builds(
    Message,
    id=SHORT.filter(bool),
    body=st.binary(max_size=100),
    content_type=SHORT.filter(bool),
    key=SHORT,
    priority=st.integers(0, 255),
    expires_at=st.none() | st.floats(0, 4e9),
    headers=st.dictionaries(SHORT.filter(bool), SHORT, max_size=4),
)


def over_the_wire(sent):
    """Through pika's own encoding."""
    received = BasicProperties()
    received.decode(b"".join(sent.encode()))
    return received


@given(MESSAGES, st.integers(0, 100))
def test_a_message_and_its_history_come_back_whole(message, attempts):
    parcel = new_parcel(message, SPEC, 1e9)
    again = read_parcel(over_the_wire(properties(parcel, SPEC, None)), message.body, SPEC, 2e9)
    assert again == parcel


@given(MESSAGES)
def test_the_broker_hears_no_priority_above_the_queues_own(message):
    sent = properties(new_parcel(message, SPEC, 1e9), SPEC, 1.5)
    assert sent.priority == min(message.priority, 5)
    assert (sent.delivery_mode, sent.expiration) == (2, "1500")


def test_a_message_dies_by_its_own_time_or_by_its_queues():
    assert new_parcel(Message("a", b""), SPEC, 1000.0).dies_at == 1600.0
    assert new_parcel(Message("a", b"", expires_at=1001.5), SPEC, 1000.0).dies_at == 1001.5
    assert new_parcel(Message("a", b"", expires_at=9999.0), SPEC, 1000.0).dies_at == 1600.0


def test_no_two_sendings_share_a_name_and_later_ones_sort_later():
    copies = [new_parcel(Message("a", b""), SPEC, 0).copy for _ in range(1000)]
    assert len(set(copies)) == 1000
    assert [copy[:16] for copy in copies] == sorted(copy[:16] for copy in copies)


def test_a_burial_says_why_and_when():
    parcel = new_parcel(Message("a", b"x"), SPEC, 1000.0)
    sent = over_the_wire(properties(parcel, SPEC, None, death("no such order", 1234.5)))
    letter = read_dead_letter(sent, b"x", SPEC)
    assert (letter.origin, letter.reason, letter.died_at, letter.attempts) == ("q", "no such order", 1234.5, 0)
    assert letter.id == f"q.{parcel.copy}"


def test_a_death_by_the_brokers_hand_is_read_from_its_own_header():
    """`x-death` names each queue that a message died in, the latest first: the retry queue is not the origin."""
    deaths = [
        {"queue": "q", "reason": "expired", "time": datetime(2026, 1, 1), "count": 1},
        {"queue": "q.retry.1", "reason": "expired", "time": datetime(2025, 1, 1), "count": 2},
    ]
    letter = read_dead_letter(BasicProperties(message_id="a", headers={"x-death": deaths, "attempts": 2}), b"", SPEC)
    assert (letter.reason, letter.attempts, letter.died_at) == (EXPIRED, 2, 1767225600.0)
    deaths[0]["reason"] = "delivery_limit"
    assert read_dead_letter(BasicProperties(headers={"x-death": deaths}), b"", SPEC).reason == "delivery limit"


@given(
    st.dictionaries(st.sampled_from(["copy", "attempts", "diesat", "rank", "key", "expiresat"]), SHORT | st.integers())
)
def test_whatever_somebody_else_wrote_in_our_headers_can_be_read(headers):
    parcel = read_parcel(BasicProperties(headers=headers), b"x", SPEC, 0.0)
    assert parcel.message.body == b"x"
    assert read_dead_letter(BasicProperties(headers=headers), b"x", SPEC).origin == "q"
