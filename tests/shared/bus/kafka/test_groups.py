"""Groups on a real Kafka: nothing is skipped and an order's facts stay in order, whoever dies, comes or goes."""

from __future__ import annotations

from collections import Counter

import pytest

from shared.bus.partition import partition_for
from shared.bus.port import Message
from shared.errors import TryAgain
from tests.shared.bus.kafka.conftest import eventually, read

TOPIC = "domain.orders"
PARTITIONS = 3
KEYS = 12


def fact(number, sent=""):
    """Number `number` of all: id ORDER-PLACE, its order one of twelve in turn."""
    return TOPIC, Message(f"{number % KEYS}-{number // KEYS}{sent}", b"{}", key=f"tenant/{number % KEYS}")


def facts(count, start=0):
    return [fact(number) for number in range(start, start + count)]


def ids(records):
    return [record.message.id for record in records]


def in_order(said):
    """Whether each order's facts were said in the order of their places; a repeated one stands where it was first."""
    last: dict[str, int] = {}
    for one in dict.fromkeys(said):
        order, place = one.split("-")
        if int(place) < last.get(order, -1):
            return False
        last[order] = int(place)
    return True


def read_all(bus, count, group="g", limit=100):
    """The ids of that many facts, each committed."""
    seen: list[str] = []
    while len(seen) < count:
        records = read(bus, TOPIC, group, limit)
        seen += ids(records)
        bus.commit(group, records)
    return seen


def test_an_orders_facts_share_a_partition_and_stay_in_order(bus):
    bus.send([], facts(300))
    partitions: dict[str, set[int]] = {}
    said: list[str] = []
    while len(said) < 300:
        records = read(bus, TOPIC, "g")
        for record in records:
            partitions.setdefault(record.message.key, set()).add(record.partition)
        said += ids(records)
        bus.commit("g", records)
    assert in_order(said)
    assert partitions == {f"tenant/{n}": {partition_for(f"tenant/{n}", PARTITIONS)} for n in range(KEYS)}


def test_what_a_killed_reader_had_not_committed_comes_to_another(bus, readers):
    bus.send([], facts(60))
    dying = readers("g", 1.0)
    eventually(lambda: len(dying.ids("got")) > len(dying.ids("done")) > 5, "it to be in the middle of its work")
    dying.kill()
    heir = readers("g", 0.0)
    eventually(lambda: bus.lag("g") == {TOPIC: 0}, "all to be handled")
    heir.leave()
    assert set(dying.ids("done")) | set(heir.ids("done")) == {message.id for _, message in facts(60)}
    assert in_order(heir.ids("done"))
    # Done, and killed before the commit was at the broker: these few come a second time.
    assert set(dying.ids("done")) & set(heir.ids("done")) <= set(dying.ids("done")[-15:])


def test_members_that_come_and_go_in_the_middle_of_work_skip_nothing_and_keep_the_order(bus, readers):
    bus.send([], facts(150))
    first = readers("g", 0.2)
    eventually(lambda: len(first.ids("done")) > 15, "the first to be at work")
    second = readers("g", 0.2)
    sent = 150

    def shared():
        nonlocal sent
        if bus.lag("g")[TOPIC] < 100:  # there is work however long the second takes to come
            bus.send([], facts(50, sent))
            sent += 50
        return len(second.ids("done")) > 15

    eventually(shared, "the second to have a part of it")
    first.leave()
    eventually(lambda: bus.lag("g") == {TOPIC: 0}, "all to be handled")
    second.leave()
    done = Counter(first.ids("done") + second.ids("done"))
    in_hand = set(first.ids("got")) - set(first.ids("done"))
    assert set(done) == {message.id for _, message in facts(sent)}
    assert in_order(first.ids("done"))
    assert in_order(second.ids("done"))
    # Only what was in hand when its partition went to the other is handled twice, and whoever was late is told so.
    assert {one for one, times in done.items() if times > 1} <= set(first.ids("late") + second.ids("late")) | in_hand


def test_a_partition_that_stays_with_its_owner_keeps_its_lease_through_a_rebalance(bus, readers):
    bus.send([], facts(120))
    held = []
    while {record.partition for record in held} != {0, 1, 2}:
        held += read(bus, TOPIC, "g", limit=30, seconds=600)
    newcomer = readers("g", 0.0)

    def moved():
        bus.read([TOPIC], "g", 0, 60)
        return newcomer.ids("got")

    eventually(moved, "the newcomer to have a partition")
    kept = {record.partition for record in held if bus.commit("g", [record])}
    assert kept
    assert kept != {0, 1, 2}
    taken = {partition_for(f"tenant/{one.split('-')[0]}", PARTITIONS) for one in newcomer.ids("got")}
    assert taken & kept == set()


def test_a_member_that_works_for_longer_than_its_session_keeps_its_facts(bus, readers):
    bus.send([], facts(1))
    slow = readers("g", 13.0)  # a session is ten seconds
    eventually(lambda: slow.ids("got"), "it to begin")
    eventually(lambda: bus.lag("g") == {TOPIC: 0}, "the long work to be done")
    assert slow.said[1:] == [["got", "0-0"], ["done", "0-0"]]


def test_a_group_reset_to_the_beginning_reads_the_whole_topic_again(address, bus):
    from kafka import KafkaAdminClient
    from kafka.admin import OffsetSpec
    from kafka.structs import TopicPartition

    bus.send([], facts(40))
    seen = read_all(bus, 40)
    bus.close()
    admin = KafkaAdminClient(bootstrap_servers=list(address.servers))
    places = [TopicPartition(address.name(TOPIC), part) for part in range(PARTITIONS)]
    admin.reset_group_offsets(address.name("g"), dict.fromkeys(places, OffsetSpec.EARLIEST))
    admin.close()
    assert bus.lag("g") == {TOPIC: 40}
    assert sorted(read_all(bus, 40)) == sorted(seen)


def test_a_group_that_was_closed_goes_on_behind_what_it_handled(bus, join):
    bus.send([], facts(20))
    seen = read_all(bus, 10, limit=2)
    bus.close()
    assert sorted(seen + read_all(join(), 20 - len(seen))) == sorted(message.id for _, message in facts(20))


def test_a_fact_sent_twice_is_read_twice_under_one_id(bus):
    """Kafka takes out what its producer repeats by itself; who sends again (the relay) is known by the event's id."""
    bus.send([], [fact(0)])
    bus.send([], [fact(0)])
    assert read_all(bus, 2, limit=1) == ["0-0", "0-0"]


def test_a_poison_fact_is_skipped_with_its_reason_while_the_others_flow(bus):
    bus.send([], facts(30))
    handled: list[str] = []
    tries = 0
    while len(handled) < 29:
        for record in read(bus, TOPIC, "g", limit=1):
            if record.message.id != "5-1":
                bus.commit("g", [record])
                handled.append(record.message.id)
            elif (tries := tries + 1) < 3:
                bus.release("g", [record], 0.05)
            else:
                assert bus.skip("g", record, "422: amount: must be a number")
    assert in_order(handled)
    (letter,) = bus.dead_letters(TOPIC).items
    told = (letter.message.id, letter.reason, letter.attempts, letter.group)
    assert told == ("5-1", "422: amount: must be a number", 3, "g")
    assert bus.lag("g") == {TOPIC: 0}


def test_a_partition_that_waits_holds_up_no_other(bus):
    bus.send([], facts(60))
    first = read(bus, TOPIC, "g", limit=1)
    bus.release("g", first, 3600)
    stopped = first[0].partition
    expected = [message.id for _, message in facts(60) if partition_for(message.key, PARTITIONS) != stopped]
    assert sorted(read_all(bus, len(expected))) == sorted(expected)


def test_a_backlog_that_has_no_room_here_is_fetched_again_and_stays_whole(bus):
    """More facts of one partition than may wait in the process, while that partition is paused."""
    sent = [(TOPIC, Message(str(n), b"", key="k")) for n in range(5000)]
    bus.send([], sent)
    bus.release("g", read(bus, TOPIC, "g", limit=1), 1.5)
    assert read_all(bus, 5000, limit=50) == [message.id for _, message in sent]


def test_a_group_with_members_cannot_be_forgotten(bus, readers):
    bus.send([], facts(3))
    member = readers("g", 0.0)
    eventually(lambda: bus.lag("g") == {TOPIC: 0}, "it to have read")
    with pytest.raises(TryAgain, match="group g: NonEmptyGroup"):
        bus.forget("g")
    member.leave()
    bus.forget("g")
    assert bus.lag("g") == {}
    assert len(read_all(bus, 3)) == 3


def test_facts_that_come_ring_the_bell(bus):
    (bell,) = bus.bells()
    bus.send([], facts(1))
    read_all(bus, 1)
    eventually(lambda: not bell.silence() and not bus.read([TOPIC], "g", 10, 60), "it to be quiet")
    bus.send([], facts(1))
    eventually(bell.silence, "the bell")
    bell.close()
