"""Two engines as one bus: each does its half, and what dies is found by an id that says whose it is."""

from __future__ import annotations

import pytest

from events.topology import QueueSpec, TopicSpec, Topology
from shared.bus.embedded import EmbeddedBus
from shared.bus.pair import PairBus
from shared.bus.port import Depth, Message, NotSent
from shared.errors import Invalid, NotFound, TryAgain

TOPOLOGY = Topology({"q": QueueSpec("q", 5, 600)}, {"t": TopicSpec("t", 1)})


class Down(EmbeddedBus):
    """An engine that cannot be reached."""

    def send(self, work, facts=()):
        raise TryAgain("down")

    def lease(self, queue, limit, seconds):
        raise TryAgain("down")


@pytest.fixture
def halves(tmp_path):
    halves = EmbeddedBus(tmp_path / "work.db", TOPOLOGY), EmbeddedBus(tmp_path / "facts.db", TOPOLOGY)
    yield halves
    for half in halves:
        half.close()


@pytest.fixture
def bus(halves):
    return PairBus(*halves, TOPOLOGY)


def message(name):
    return Message(name, b"{}", key="k")


def test_each_half_gets_its_own(bus, halves):
    work, facts = halves
    bus.send([("q", message("w"))], [("t", message("f"))])
    assert (work.depth("q").ready, facts.depth("q").ready) == (1, 0)
    assert work.read(["t"], "g", 10, 30) == []
    assert [record.message.id for record in bus.read(["t"], "g", 10, 30)] == ["f"]
    (delivery,) = bus.lease("q", 10, 30)
    assert bus.extend(delivery, 60)
    assert bus.ack([delivery]) == 1
    assert bus.depth("q") == Depth(0, 0, 0, 0)


def test_an_unknown_name_of_either_kind_sends_nothing_of_the_other(bus, halves):
    with pytest.raises(Invalid, match="topic: 'u' is not in the topology"):
        bus.send([("q", message("w"))], [("u", message("f"))])
    with pytest.raises(Invalid, match="queue: 'p' is not in the topology"):
        bus.send([("p", message("w"))], [("t", message("f"))])
    assert halves[0].depth("q").ready == 0
    assert bus.read(["t"], "g", 1, 30) == []


def test_what_one_engine_cannot_take_keeps_nothing_from_the_other_and_is_named(tmp_path, halves):
    down = Down(tmp_path / "down.db", TOPOLOGY)
    without_work = PairBus(down, halves[1], TOPOLOGY)
    with pytest.raises(NotSent) as refusal:
        without_work.send([("q", message("w"))], [("t", message("f"))])
    assert refusal.value.ids == {"w"}
    assert [record.message.id for record in halves[1].read(["t"], "g", 10, 30)] == ["f"]
    without_facts = PairBus(halves[0], down, TOPOLOGY)
    with pytest.raises(NotSent) as refusal:
        without_facts.send([("q", message("v"))], [("t", message("e")), ("t", message("g"))])
    assert refusal.value.ids == {"e", "g"}
    assert [delivery.message.id for delivery in halves[0].lease("q", 10, 30)] == ["v"]


def test_dead_letters_of_both_are_paged_replayed_and_discarded_by_their_ids(bus):
    bus.send([("q", message("w"))], [("t", message("f"))])
    bus.bury(bus.lease("q", 1, 30)[0], "no")
    bus.skip("g", bus.read(["t"], "g", 1, 30)[0], "never")
    (work,), (fact,) = bus.dead_letters("q").items, bus.dead_letters("t").items
    assert work.id != fact.id
    assert bus.replay(work.id).message.id == "w"
    assert [delivery.message.id for delivery in bus.lease("q", 1, 30)] == ["w"]
    assert bus.discard(fact.id) == fact
    for gone in (work.id, fact.id, "1", ""):
        with pytest.raises(NotFound):
            bus.replay(gone)


def test_the_next_wakeup_and_the_leases_taken_back_are_of_both(bus, halves):
    assert bus.next_wakeup() is None
    bus.send([("q", message("w"))], [("t", message("f"))])
    bus.lease("q", 1, 30)
    bus.read(["t"], "g", 1, 10)
    assert bus.next_wakeup() == halves[1].next_wakeup() != halves[0].next_wakeup()
    assert bus.take_back() == 2


def test_either_half_rings(bus, halves):
    bells = bus.bells()
    assert [bell.silence() for bell in bells] == [False, False]
    halves[0].send([("q", message("w"))])
    assert [bell.silence() for bell in bells] == [True, False]
    halves[1].send([], [("t", message("f"))])
    assert [bell.silence() for bell in bells] == [False, True]
    for bell in bells:
        bell.close()
