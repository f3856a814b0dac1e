"""What every engine promises about sending."""

from __future__ import annotations

import pytest

from shared.bus.port import Depth, Message
from shared.errors import Invalid


def test_work_and_facts_are_sent_in_one_call(bus):
    bus.send(
        [("auto_orders", Message("w", b"")), ("auto_seo", Message("x", b""))],
        [("domain.orders", Message("f", b""))],
    )
    assert bus.lease("auto_orders", 1, 30)[0].message.id == "w"
    assert bus.lease("auto_seo", 1, 30)[0].message.id == "x"
    assert bus.read(["domain.orders"], "g", 1, 30)[0].message.id == "f"


def test_sending_nothing_is_allowed(bus):
    bus.send([], [])


@pytest.mark.parametrize(
    ("work", "facts", "named"), [("auto_nothing", "domain.orders", "queue"), ("auto_orders", "domain.none", "topic")]
)
def test_an_unknown_queue_or_topic_is_named_and_nothing_of_the_call_is_sent(bus, work, facts, named):
    message = Message("a", b"")
    unknown = work if named == "queue" else facts
    with pytest.raises(Invalid, match=f"{named}: '{unknown}' is not in the topology"):
        bus.send([("auto_orders", message), (work, message)], [("domain.orders", message), (facts, message)])
    assert bus.depth("auto_orders") == Depth(0, 0, 0, 0)
    assert bus.read(["domain.orders"], "g", 1, 30) == []


def test_what_was_sent_is_there_after_every_connection_was_closed(world, bus):
    bus.send([("auto_orders", Message("a", b""))], [("domain.orders", Message("f", b""))])
    bus.close()
    assert [delivery.message.id for delivery in bus.lease("auto_orders", 1, 30)] == ["a"]
    assert [record.message.id for record in world.join().read(["domain.orders"], "g", 1, 30)] == ["f"]
