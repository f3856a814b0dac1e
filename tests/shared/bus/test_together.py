"""A block of calls that may be done as one: what is done in it holds after it, or none of it does."""

from __future__ import annotations

import pytest

from shared.bus.port import Depth, Message
from shared.errors import TryAgain
from tests.shared.bus.world import EMBEDDED, FACTS, WORK

QUEUE, TOPIC = "auto_orders", "domain.orders"


def messages(*names: str) -> list[tuple[str, Message]]:
    return [(QUEUE, Message(name, b"")) for name in names]


@WORK
def test_what_is_told_and_leased_in_a_block_holds_after_it(world, bus):
    bus.send(messages("a", "b"))
    [first] = world.leased(bus, QUEUE, 1, 30)
    with bus.together():
        assert bus.ack([first]) == 1
        world.leased(bus, QUEUE, 1, 30)
    world.soon(lambda: bus.depth(QUEUE), Depth(0, 1, 0, 0))


@FACTS
def test_what_is_read_and_committed_in_a_block_is_not_read_again(world, bus):
    facts = [(TOPIC, Message(str(number), b"", key="one")) for number in range(3)]
    bus.send([], facts)
    read: list[str] = []

    def look() -> list[str]:
        with bus.together():
            records = bus.read([TOPIC], "g", 2, 30)
            bus.commit("g", records)
        read.extend(record.message.id for record in records)
        return read

    world.soon(look, ["0", "1"])
    world.soon(look, ["0", "1", "2"])


@EMBEDDED
def test_a_block_that_raises_has_done_nothing(bus):
    bus.send(messages("a", "b"))
    [first, _] = bus.lease(QUEUE, 2, 30)

    def block() -> None:
        with bus.together():
            bus.ack([first])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert bus.depth(QUEUE) == Depth(0, 2, 0, 0)
    assert bus.ack([first]) == 1


@EMBEDDED
def test_a_refusal_in_a_block_is_one_of_all_of_it_even_where_the_block_goes_on(bus):
    """SQLite's own limit on pages stands for the disk: the same SQLITE_FULL."""
    bus.send(messages("a"))
    [first] = bus.lease(QUEUE, 1, 30)
    with bus._database.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    large = [(QUEUE, Message("b", b"x" * 100_000))]

    def block() -> None:
        with bus.together():
            bus.ack([first])
            with pytest.raises(TryAgain, match="full"):
                bus.send(large)
            with pytest.raises(TryAgain, match="a part could not be done"):
                bus.lease(QUEUE, 1, 30)

    with pytest.raises(TryAgain, match="a part could not be done"):
        block()
    assert bus.depth(QUEUE) == Depth(0, 1, 0, 0)
