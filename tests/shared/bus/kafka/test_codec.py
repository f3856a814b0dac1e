"""A message comes back from its record as it went in; a foreign record is read without a complaint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.kafka.codec import Row, headers_of, message_of
from shared.bus.port import Message
from shared.errors import Invalid

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = text.filter(lambda name: not name.startswith("bus-") and name != "content-type")
messages = st.builds(
    Message,
    id=text.filter(bool),
    body=st.binary(max_size=50),
    content_type=text.filter(bool),
    key=text,
    priority=st.integers(0, 255),
    expires_at=st.none() | st.floats(allow_nan=False),
    headers=st.dictionaries(names, text, max_size=3),
)
values = st.none() | st.binary(max_size=20)


@given(messages)
def test_a_message_comes_back_whole(message):
    row = Row("t", 0, 0, 0, message.key.encode(), message.body, headers_of(message))
    assert message_of(row) == message


@given(values, values, st.lists(st.tuples(st.sampled_from(["bus-id", "bus-priority", "bus-expires", "x"]), values)))
def test_whatever_others_write_is_read(key, value, headers):
    message = message_of(Row("t", 1, 7, 0, key, value, headers))
    assert message.body == (value or b"")
    assert message.id


def test_a_time_that_its_sender_wrote_is_not_when_it_was_taken():
    """Kafka's timestamps are milliseconds; whose clock they are of is told of each record."""
    row = Row("t", 0, 0, 1_763_900_000_123, None, b"", ())
    assert row.taken_at is None
    assert row._replace(stamped=True).taken_at == 1_763_900_000.123


def test_a_structured_event_says_so_in_its_header():
    """CloudEvents 1.0.2, Kafka protocol binding, 3.3: the media type in the content-type header."""
    assert ("content-type", b"application/cloudevents+json") in headers_of(Message("a", b"{}"))


@pytest.mark.parametrize("name", ["bus-id", "bus-anything", "content-type"])
def test_a_header_that_the_bus_keeps_for_itself_is_refused(name):
    with pytest.raises(Invalid, match=f"headers\\[{name}\\]: "):
        headers_of(Message("a", b"", headers={name: "x"}))
