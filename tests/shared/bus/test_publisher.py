"""What every engine promises about sending work, and what the embedded one promises beside."""

from __future__ import annotations

import pytest

from shared.bus.port import Depth, Message
from shared.errors import Invalid
from tests.shared.bus.world import EMBEDDED, WORK

pytestmark = WORK


def test_work_for_several_queues_is_sent_in_one_call(world, bus):
    bus.send([("auto_orders", Message("w", b"")), ("auto_seo", Message("x", b""))])
    assert world.leased(bus, "auto_orders", 1)[0].message.id == "w"
    assert world.leased(bus, "auto_seo", 1)[0].message.id == "x"


@EMBEDDED
def test_work_and_facts_are_sent_in_one_call(bus):
    bus.send([("auto_orders", Message("w", b""))], [("domain.orders", Message("f", b""))])
    assert bus.lease("auto_orders", 1, 30)[0].message.id == "w"
    assert bus.read(["domain.orders"], "g", 1, 30)[0].message.id == "f"


def test_sending_nothing_is_allowed(bus):
    bus.send([], [])


def test_an_unknown_queue_is_named_and_nothing_of_the_call_is_sent(bus):
    message = Message("a", b"")
    with pytest.raises(Invalid, match="queue: 'auto_nothing' is not in the topology"):
        bus.send([("auto_orders", message), ("auto_nothing", message)])
    assert bus.depth("auto_orders") == Depth(0, 0, 0, 0)


@EMBEDDED
def test_an_unknown_topic_sends_no_work_either(bus):
    with pytest.raises(Invalid, match=r"topic: 'domain\.none' is not in the topology"):
        bus.send([("auto_orders", Message("a", b""))], [("domain.none", Message("b", b""))])
    assert bus.depth("auto_orders") == Depth(0, 0, 0, 0)


def test_what_was_sent_is_there_after_every_connection_was_closed(world, bus):
    bus.send([("auto_orders", Message("a", b"")), ("auto_orders", Message("b", b""))])
    bus.close()
    assert world.leased(bus, "auto_orders", 1)[0].message.id == "a"
    bus.close()
    assert bus.depth("auto_orders").dead == 0
