"""What died in a topic rests in `<topic>.dlq` until somebody replays or discards it."""

from __future__ import annotations

import pytest

from shared.bus.port import Message
from shared.errors import Invalid, NotFound
from tests.shared.bus.kafka.conftest import eventually, read

TOPIC = "domain.orders"


def bury(bus, *messages):
    bus.send([], [(TOPIC, message) for message in messages])
    left = {message.id for message in messages}
    while left:
        for record in read(bus, TOPIC, "g"):
            assert bus.skip("g", record, f"no {record.message.id}")
            left.discard(record.message.id)


def letters(bus):
    return [letter.message.id for letter in bus.dead_letters(TOPIC).items]


def test_letters_are_paged_newest_first(bus):
    bury(bus, *(Message(str(number), b"", key="k") for number in range(5)))
    pages, cursor = [], None
    while not pages or cursor:
        page = bus.dead_letters(TOPIC, 2, cursor)
        pages.append([letter.message.id for letter in page.items])
        cursor = page.next_cursor
    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_a_letter_keeps_the_whole_message_with_who_gave_it_up_and_why(bus):
    message = Message("a", b"\x00\xff", "text/plain", key="k", headers={"a": "b"})
    bury(bus, message)
    (letter,) = bus.dead_letters(TOPIC).items
    assert (letter.message, letter.reason, letter.group, letter.origin) == (message, "no a", "g", TOPIC)
    assert letter.attempts == 1


def test_a_discarded_letter_is_gone_for_everybody(bus, join):
    other = join()
    bury(bus, Message("a", b"", key="k"), Message("b", b"", key="k"))
    assert letters(other) == ["b", "a"]
    assert bus.discard(bus.dead_letters(TOPIC).items[0].id).message.id == "b"
    assert letters(bus) == letters(other) == ["a"]


def test_a_replayed_letter_goes_behind_the_others_of_its_key_and_rests_no_more(bus):
    bury(bus, Message("a", b"x", key="k"))
    bus.send([], [(TOPIC, Message("b", b"", key="k"))])
    dead_id = bus.dead_letters(TOPIC).items[0].id
    assert bus.replay(dead_id).message == Message("a", b"x", key="k")
    assert letters(bus) == []
    seen = []
    while len(seen) < 2:
        records = read(bus, TOPIC, "g")
        bus.commit("g", records)
        seen += [record.message.id for record in records]
    assert seen == ["b", "a"]
    with pytest.raises(NotFound):
        bus.replay(dead_id)


def test_a_fact_given_up_again_after_a_crash_before_the_commit_is_one_letter(bus, join):
    bus.send([], [(TOPIC, Message("a", b"", key="k"))])
    (record,) = read(bus, TOPIC, "g")
    # The letter is kept, then the process dies: its commit never leaves it.
    member = bus._members["g"]
    member.commit = lambda *_: False
    assert not bus.skip("g", record, "first")
    bus.close()
    heir = join()
    (again,) = read(heir, TOPIC, "g")
    assert heir.skip("g", again, "second")
    assert [(letter.message.id, letter.reason) for letter in heir.dead_letters(TOPIC).items] == [("a", "second")]


def test_two_groups_that_give_up_one_fact_leave_two_letters(bus):
    bus.send([], [(TOPIC, Message("a", b"", key="k"))])
    for group in ("one", "two"):
        bus.skip(group, read(bus, TOPIC, group)[0], "no")
    assert sorted(letter.group for letter in bus.dead_letters(TOPIC).items) == ["one", "two"]


@pytest.mark.parametrize("dead_id", ["12345", "", "domain.orders:0:99:g", "domain.nothing:0:1:g"])
def test_an_id_that_is_not_there_is_not_found(bus, dead_id):
    with pytest.raises(NotFound):
        bus.replay(dead_id)
    with pytest.raises(NotFound):
        bus.discard(dead_id)


def test_what_cannot_be_asked_is_refused_by_field(bus):
    with pytest.raises(Invalid, match=r"origin: 'domain\.nothing' is not in the topology"):
        bus.dead_letters("domain.nothing")
    with pytest.raises(Invalid, match="limit: must be at least 1"):
        bus.dead_letters(TOPIC, 0)
    with pytest.raises(Invalid, match="cursor: "):
        bus.dead_letters(TOPIC, 1, "rubbish")


def test_what_somebody_else_wrote_into_a_topic_is_named_by_its_place(bus, address):
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=list(address.servers))
    producer.send(address.name(TOPIC), value=b"{}", key=b"k").get(10)
    producer.send(address.name(TOPIC), value=None, key=b"k").get(10)
    producer.close()
    bodies = []

    def look():
        bodies.extend(record.message for record in bus.read([TOPIC], "g", 10, 60))
        return len(bodies) == 2

    eventually(look, "both records")
    assert [message.body for message in bodies] == [b"{}", b""]
    assert bodies[0].id.endswith(f"{TOPIC}-{2}-0") or bodies[0].id.startswith(address.name(TOPIC))
