"""What every engine promises about dead letters: they are kept until an operator decides."""

from __future__ import annotations

import pytest

from shared.bus.port import Depth, Message
from shared.errors import Invalid, NotFound
from tests.shared.bus.world import TTL, WORK

pytestmark = WORK

QUEUE = "auto_orders"


def bury(world, *messages, reason="no"):
    world.bus.send([(QUEUE, message) for message in messages])
    for delivery in world.leased(world.bus, QUEUE, len(messages)):
        world.bus.bury(delivery, reason)


def test_dead_letters_are_paged_newest_first(world, bus):
    bury(world, *(Message(str(number), b"") for number in range(5)))
    pages, cursor = [], None
    while not pages or cursor:
        page = bus.dead_letters(QUEUE, 2, cursor)
        pages.append([letter.message.id for letter in page.items])
        cursor = page.next_cursor
    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_a_last_page_that_is_full_has_no_next_one(world, bus):
    bury(world, Message("a", b""), Message("b", b""))
    assert bus.dead_letters(QUEUE, 2).next_cursor is None


def test_a_page_of_nothing_is_empty(world, bus):
    page = bus.dead_letters(QUEUE)
    assert (list(page.items), page.next_cursor) == ([], None)


def test_a_dead_letter_keeps_the_whole_message(world, bus):
    message = Message("a", b"\x00\xff", "text/plain", key="k", priority=3, headers={"a": "b"})
    bury(world, message)
    assert bus.dead_letters(QUEUE).items[0].message == message


def test_dead_letters_outlive_every_time_to_live(world, bus):
    bury(world, Message("a", b""))
    world.advance(2 * TTL)
    assert bus.depth(QUEUE) == Depth(0, 0, 0, 1)


def test_a_replayed_message_is_delivered_as_new(world, bus):
    bury(world, Message("a", b"x"))
    letter = bus.replay(bus.dead_letters(QUEUE).items[0].id)
    assert (letter.message.id, letter.reason) == ("a", "no")
    (delivery,) = world.leased(bus, QUEUE, 1)
    assert (delivery.message, delivery.attempt) == (letter.message, 1)
    assert bus.depth(QUEUE).dead == 0


def test_a_replayed_message_lives_as_long_as_a_new_one(world, bus):
    bus.send([(QUEUE, Message("a", b"", expires_at=world.now() + world.seconds(10)))])
    world.advance(11)
    world.soon(lambda: bus.depth(QUEUE), Depth(0, 0, 0, 1))
    bus.replay(bus.dead_letters(QUEUE).items[0].id)
    world.advance(TTL * 0.7)
    assert bus.depth(QUEUE) == Depth(1, 0, 0, 0)
    world.advance(TTL * 0.4)
    world.soon(lambda: bus.depth(QUEUE), Depth(0, 0, 0, 1))


def test_a_discarded_letter_is_gone_and_given_back_for_the_record(world, bus):
    bury(world, Message("a", b""))
    assert bus.discard(bus.dead_letters(QUEUE).items[0].id).message.id == "a"
    assert bus.depth(QUEUE) == Depth(0, 0, 0, 0)


@pytest.mark.parametrize("dead_id", ["12345", "9" * 30, "²", "nothing", ""])
def test_an_id_that_is_not_there_is_not_found(bus, dead_id):
    with pytest.raises(NotFound):
        bus.replay(dead_id)
    with pytest.raises(NotFound):
        bus.discard(dead_id)


def test_a_letter_is_replayed_once(world, bus):
    bury(world, Message("a", b""))
    dead_id = bus.dead_letters(QUEUE).items[0].id
    bus.replay(dead_id)
    with pytest.raises(NotFound):
        bus.replay(dead_id)


def test_what_cannot_be_asked_is_refused_by_field(world, bus):
    with pytest.raises(Invalid, match="origin: 'auto_nothing' is not in the topology"):
        bus.dead_letters("auto_nothing")
    with pytest.raises(Invalid, match="limit: must be at least 1"):
        bus.dead_letters(QUEUE, 0)
    with pytest.raises(Invalid, match="cursor: "):
        bus.dead_letters(QUEUE, 1, "rubbish")
    with pytest.raises(Invalid, match="cursor: "):
        bus.dead_letters(QUEUE, 1, "9" * 300)
