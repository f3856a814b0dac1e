"""What every engine promises about facts: each group reads all of them, in order within a partition."""

from __future__ import annotations

import time

import pytest

from shared.bus.partition import partition_for
from shared.bus.port import EXPIRED, Message
from shared.errors import Invalid
from tests.shared.bus.world import EMBEDDED, FACTS

pytestmark = FACTS

TOPIC = "domain.orders"  # three partitions, kept for seven days
WEEK = 7 * 24 * 3600


def facts(*ids, key="k", topic=TOPIC):
    return [(topic, Message(message_id, b"{}", key=key)) for message_id in ids]


def ids(records):
    return [record.message.id for record in records]


def key_of(partition):
    """A key that belongs to that partition of the topic."""
    return next(key for key in map(str, range(100)) if partition_for(key, 3) == partition)


def test_a_fact_arrives_as_it_was_sent(bus):
    sent = Message("f", b"\x00\xff", "text/plain", key="k", priority=3, expires_at=5.5, headers={"a": "b"})
    bus.send([], [(TOPIC, sent)])
    (record,) = bus.read([TOPIC], "g", 1, 30)
    assert (record.topic, record.partition, record.message) == (TOPIC, partition_for("k", 3), sent)


def test_an_event_of_a_stamped_topic_tells_when_the_engine_took_it(world, bus):
    """By the engine's clock: the world's, or a broker's, which tells milliseconds."""
    before = min(world.now(), time.time())
    bus.send([], facts("a", topic="domain.incoming"))
    (record,) = bus.read(["domain.incoming"], "g", 1, 30)
    assert record.taken_at is not None
    assert before - 0.001 <= record.taken_at <= max(world.now(), time.time())


def test_a_new_group_starts_at_the_earliest_fact(bus):
    bus.send([], facts("a", "b"))
    assert ids(bus.read([TOPIC], "late", 10, 30)) == ["a", "b"]


def test_each_group_reads_every_fact(bus):
    bus.send([], facts("a"))
    assert ids(bus.read([TOPIC], "one", 10, 30)) == ["a"]
    assert ids(bus.read([TOPIC], "two", 10, 30)) == ["a"]


def test_facts_of_one_key_are_read_in_the_order_they_were_sent(bus):
    sent = [f"{number}" for number in range(20)]
    for message_id in sent:
        bus.send([], facts(message_id))
    read = []
    while records := bus.read([TOPIC], "g", 3, 30):
        read += ids(records)
        bus.commit("g", records)
    assert read == sent


def test_offsets_grow_within_a_partition(bus):
    bus.send([], facts("a", "b", "c"))
    offsets = [record.offset for record in bus.read([TOPIC], "g", 10, 30)]
    assert offsets == sorted(set(offsets))


def test_facts_without_a_key_spread_over_the_partitions(bus):
    bus.send([], facts(*map(str, range(60)), key=""))
    assert {record.partition for record in bus.read([TOPIC], "g", 60, 30)} == {0, 1, 2}


def test_several_topics_are_read_together(bus):
    bus.send([], facts("a") + facts("b", topic="ai.errors"))
    records = bus.read([TOPIC, "ai.errors", TOPIC], "g", 10, 30)
    assert {(record.topic, record.message.id) for record in records} == {(TOPIC, "a"), ("ai.errors", "b")}
    assert len(records) == 2


def test_a_read_takes_no_more_than_its_limit(bus):
    bus.send([], facts("a", "b", "c"))
    assert len(bus.read([TOPIC], "g", 2, 30)) == 2
    assert bus.read([TOPIC], "other", 0, 30) == []


@EMBEDDED  # Kafka shares whole partitions among members: tests/shared/bus/kafka
def test_two_readers_of_a_group_never_hold_the_same_partition(world, bus):
    bus.send([], facts("a1", "a2", key=key_of(0)) + facts("b1", key=key_of(1)))
    first = bus.read([TOPIC], "g", 1, 30)
    second = world.join().read([TOPIC], "g", 10, 30)
    assert {record.partition for record in first} & {record.partition for record in second} == set()
    assert world.join().read([TOPIC], "g", 10, 30) == []


def test_committed_facts_are_not_read_again(world, bus):
    bus.send([], facts("a", "b"))
    records = bus.read([TOPIC], "g", 10, 30)
    assert bus.commit("g", records) == 2
    world.advance(31)
    assert bus.read([TOPIC], "g", 10, 30) == []


@EMBEDDED  # Kafka shares whole partitions among members: tests/shared/bus/kafka
def test_a_commit_frees_the_partition_for_the_next_reader(world, bus):
    bus.send([], facts("a", "b"))
    bus.commit("g", bus.read([TOPIC], "g", 1, 30))
    assert ids(world.join().read([TOPIC], "g", 10, 30)) == ["b"]


@EMBEDDED  # Kafka shares whole partitions among members: tests/shared/bus/kafka
def test_a_commit_of_the_first_part_keeps_the_rest_leased(world, bus):
    bus.send([], facts("a", "b", "c"))
    records = bus.read([TOPIC], "g", 10, 30)
    assert bus.commit("g", records[:1]) == 1
    assert world.join().read([TOPIC], "g", 10, 30) == []
    assert bus.commit("g", records[1:]) == 2


def test_committing_an_earlier_fact_again_does_not_move_the_group_back(world, bus):
    bus.send([], facts("a", "b", "c"))
    first, second, _ = bus.read([TOPIC], "g", 10, 30)
    bus.commit("g", [first, second])
    bus.commit("g", [first])
    world.advance(31)
    assert ids(bus.read([TOPIC], "g", 10, 30)) == ["c"]


@EMBEDDED  # Kafka shares whole partitions among members: tests/shared/bus/kafka
def test_a_reader_that_dies_leaves_its_facts_to_the_next_after_its_lease(world, bus):
    bus.send([], facts("a", "b"))
    records = bus.read([TOPIC], "g", 10, 30)
    bus.commit("g", records[:1])
    world.advance(31)
    assert ids(world.join().read([TOPIC], "g", 10, 30)) == ["b"]


@EMBEDDED  # Kafka shares whole partitions among members: tests/shared/bus/kafka
def test_a_reader_that_lost_its_lease_changes_nothing_any_more(world, bus):
    bus.send([], facts("a", "b"))
    old = bus.read([TOPIC], "g", 10, 30)
    world.advance(31)
    other = world.join()
    new = other.read([TOPIC], "g", 10, 30)
    assert bus.commit("g", old) == 0
    assert not bus.skip("g", old[0], "late")
    bus.release("g", old)
    assert world.join().read([TOPIC], "g", 10, 30) == []
    assert other.commit("g", new) == 2


def test_released_facts_are_read_again_after_the_delay(world, bus):
    bus.send([], facts("a", "b"))
    records = bus.read([TOPIC], "g", 10, 30)
    bus.commit("g", records[:1])
    bus.release("g", records[1:], 10)
    world.advance(9)
    assert bus.read([TOPIC], "g", 10, 30) == []
    world.advance(2)
    assert ids(bus.read([TOPIC], "g", 10, 30)) == ["b"]


def test_a_busy_partition_does_not_starve_the_others(bus):
    bus.send([], facts("a1", "a2", "a3", key=key_of(0)) + facts("b1", key=key_of(1)) + facts("c1", key=key_of(2)))
    seen = []
    for _ in range(3):
        records = bus.read([TOPIC], "g", 1, 30)
        seen += ids(records)
        bus.release("g", records)
    assert set(seen) == {"a1", "b1", "c1"}


def test_a_skipped_fact_rests_in_the_dead_letters_and_the_group_goes_on(bus):
    bus.send([], facts("good", "poison", "next"))
    first, poison, last = bus.read([TOPIC], "g", 10, 30)
    bus.commit("g", [first])
    assert bus.skip("g", poison, "unknown version")
    assert not bus.skip("g", poison, "unknown version")
    assert bus.commit("g", [last]) == 1
    (letter,) = bus.dead_letters(TOPIC).items
    assert (letter.message.id, letter.reason, letter.group, letter.origin) == ("poison", "unknown version", "g", TOPIC)
    assert bus.lag("g") == {TOPIC: 0}


def test_another_group_still_reads_what_one_group_skipped(bus):
    bus.send([], facts("poison"))
    bus.skip("g", bus.read([TOPIC], "g", 1, 30)[0], "unknown version")
    assert ids(bus.read([TOPIC], "other", 1, 30)) == ["poison"]


def test_a_replayed_fact_reaches_the_group_that_skipped_it(bus):
    bus.send([], facts("f"))
    bus.skip("g", bus.read([TOPIC], "g", 1, 30)[0], "unknown version")
    bus.replay(bus.dead_letters(TOPIC).items[0].id)
    assert ids(bus.read([TOPIC], "g", 1, 30)) == ["f"]
    assert bus.dead_letters(TOPIC).items == []


def test_sending_no_fact_is_allowed(bus):
    bus.send([], [])


def test_an_unknown_topic_is_named_and_nothing_of_the_call_is_sent(bus):
    with pytest.raises(Invalid, match=r"topic: 'domain\.none' is not in the topology"):
        bus.send([], facts("a") + facts("b", topic="domain.none"))
    assert bus.read([TOPIC], "g", 1, 30) == []


def test_facts_are_there_after_every_connection_was_closed(world, bus):
    bus.send([], facts("f"))
    bus.close()
    assert ids(world.join().read([TOPIC], "g", 1, 30)) == ["f"]


def test_the_lag_counts_what_a_group_has_yet_to_commit(bus):
    bus.send([], facts("a", "b") + facts("c", key="other") + facts("d", topic="ai.errors"))
    assert bus.lag("g") == {}
    records = bus.read([TOPIC], "g", 10, 30)
    assert bus.lag("g") == {TOPIC: 3}
    bus.commit("g", [record for record in records if record.message.id == "a"])
    assert bus.lag("g") == {TOPIC: 2}


def test_a_fact_has_no_time_to_live(world, bus):
    bus.send([], [(TOPIC, Message("a", b"", expires_at=world.now() - 1))])
    assert ids(bus.read([TOPIC], "g", 10, 30)) == ["a"]
    assert EXPIRED not in [letter.reason for letter in bus.dead_letters(TOPIC).items]


@EMBEDDED  # Kafka sweeps by itself, whoever waits
def test_facts_past_their_retention_are_swept(world, bus):
    bus.send([], facts("old"))
    world.advance(WEEK - 1)
    bus.send([], facts("new"))
    assert bus.sweep() == 0
    world.advance(2)
    assert bus.sweep() == 1
    assert ids(bus.read([TOPIC], "g", 10, 30)) == ["new"]


def test_a_topic_that_is_kept_for_ever_is_never_swept(world, bus):
    bus.send([], facts("a", topic="audit.trail"))
    world.advance(100 * WEEK)
    assert bus.sweep() == 0


@EMBEDDED  # Kafka sweeps by itself, whoever waits
def test_a_fact_that_a_group_waits_for_is_not_swept_until_it_is_committed(world, bus):
    bus.commit("g", bus.read([TOPIC], "g", 1, 30))
    bus.send([], facts("a"))
    world.advance(WEEK + 1)
    assert bus.sweep() == 0
    bus.commit("g", bus.read([TOPIC], "g", 1, 30))
    assert bus.sweep() == 1


@EMBEDDED  # Kafka sweeps by itself, whoever waits
def test_a_forgotten_group_holds_nothing_back_and_starts_anew(world, bus):
    bus.send([], facts("a"))
    bus.commit("g", bus.read([TOPIC], "g", 1, 30))
    bus.forget("g")
    assert bus.lag("g") == {}
    assert ids(bus.read([TOPIC], "g", 1, 30)) == ["a"]
    bus.forget("g")
    world.advance(WEEK + 1)
    assert bus.sweep() == 1


def test_an_unknown_topic_or_no_group_is_refused(bus):
    with pytest.raises(Invalid, match=r"'domain\.nothing' is not in the topology"):
        bus.read(["domain.nothing"], "g", 1, 30)
    with pytest.raises(Invalid, match="group: a reader belongs to a group"):
        bus.read([TOPIC], "", 1, 30)
