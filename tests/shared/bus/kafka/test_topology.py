"""The topics of a cluster: made as the table says, differences told, nothing ever destroyed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from secrets import token_hex

import pytest

from events.topology import TOPOLOGY, TopicSpec, Topology
from shared.bus.kafka import KafkaAddress, kafka_address
from shared.bus.kafka.topology import Difference, Kind, TopicSettings, apply, difference, topic_settings, wanted_topics
from shared.errors import Invalid, TryAgain
from tests.engines import kafka_servers
from tests.shared.bus.engines.kafka import remove_namespace

ONE = TopicSettings(replication=1, in_sync=1)


@pytest.fixture
def empty() -> Iterator[KafkaAddress]:
    """A namespace without topics."""
    made = kafka_address(f"kafka://{kafka_servers()}/test-{token_hex(4)}")
    yield made
    remove_namespace(made)


def small(partitions=2, retention=3600):
    return Topology({}, {"domain.orders": TopicSpec("domain.orders", partitions, retention)})


def told(differences):
    return [(one.topic.split(".", 1)[1], one.kind) for one in differences]


def test_every_topic_of_the_table_is_wanted_with_a_place_for_its_dead_letters():
    wanted = {topic.name: topic for topic in wanted_topics(KafkaAddress(("b:1",)), TOPOLOGY, TopicSettings())}
    assert len(wanted) == 2 * (13 + 4 + 1)  # with the door for backends
    assert {name for name in wanted if name.endswith(".dlq")} == {f"{name}.dlq" for name in TOPOLOGY.topics}
    orders = wanted["domain.orders"]
    assert (orders.partitions, orders.replication) == (3, 3)
    assert orders.config["min.insync.replicas"] == "2"
    assert orders.config["retention.ms"] == str(7 * 24 * 3600 * 1000)
    assert wanted["audit.trail"].config["retention.ms"] == "-1"
    assert wanted["domain.orders.dlq"].config["cleanup.policy"] == "compact"
    stamped = {name for name, topic in wanted.items() if "message.timestamp.type" in topic.config}
    assert stamped == {"domain.incoming"}
    assert wanted["domain.incoming"].config["message.timestamp.type"] == "LogAppendTime"


def test_what_is_missing_is_made_and_then_nothing_differs(empty):
    assert told(difference(empty, small(), ONE)) == [
        ("domain.orders", Kind.MISSING),
        ("domain.orders.dlq", Kind.MISSING),
    ]
    done, left = apply(empty, small(), ONE)
    assert (len(done), left) == (2, [])
    assert difference(empty, small(), ONE) == []
    assert apply(empty, small(), ONE) == ([], [])


def test_another_retention_is_made_right(empty):
    apply(empty, small(), ONE)
    done, left = apply(empty, small(retention=7200), ONE)
    name = empty.name("domain.orders")
    assert done == [Difference(name, Kind.CONFIG, "retention.ms is 3600000, not 7200000")]
    assert left == []
    assert difference(empty, small(retention=7200), ONE) == []


def test_more_partitions_are_made_only_when_asked_for(empty):
    apply(empty, small(2), ONE)
    more = replace(ONE, partitions={"domain.orders": 4})
    done, left = apply(empty, small(2), more)
    assert (done, told(left)) == ([], [("domain.orders", Kind.GROW)])
    done, left = apply(empty, small(2), more, grow=True)
    assert (told(done), left) == ([("domain.orders", Kind.GROW)], [])
    assert difference(empty, small(2), more) == []


def test_fewer_partitions_other_replicas_and_what_is_not_ours_are_left_as_they_are(empty):
    apply(empty, small(3), ONE)
    there = Topology({}, {"domain.leads": TopicSpec("domain.leads", 1)})
    apply(empty, there, ONE)
    done, left = apply(empty, small(2), TopicSettings(replication=2, in_sync=1), grow=True)
    assert done == []
    assert told(left) == [
        ("domain.orders", Kind.REFUSED),
        ("domain.orders", Kind.REFUSED),
        ("domain.orders.dlq", Kind.REFUSED),
        ("domain.leads", Kind.FOREIGN),
        ("domain.leads.dlq", Kind.FOREIGN),
    ]
    assert difference(empty, small(3), ONE) == left[3:]


def test_settings_that_cannot_be_are_refused_by_field():
    with pytest.raises(Invalid, match="in_sync: must be at least 1 and not above the replication"):
        TopicSettings(replication=1, in_sync=2)
    for partitions, rule in (({"domain.none": 3}, "is not in the topology"), ({"domain.orders": 1}, "has at least 3")):
        with pytest.raises(Invalid, match=rule):
            wanted_topics(KafkaAddress(("b:1",)), TOPOLOGY, TopicSettings(partitions=partitions))


def test_settings_come_from_the_environment_and_are_three_copies_without_one():
    assert topic_settings({}) == TopicSettings(3, 2, {})
    environ = {
        "BIZOSAAS_TOPIC_REPLICATION": "1",
        "BIZOSAAS_TOPIC_IN_SYNC": "1",
        "BIZOSAAS_TOPIC_PARTITIONS": "domain.orders=12,audit.trail = 20",
    }
    assert topic_settings(environ) == TopicSettings(1, 1, {"domain.orders": 12, "audit.trail": 20})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BIZOSAAS_TOPIC_REPLICATION", "many"),
        ("BIZOSAAS_TOPIC_IN_SYNC", "0"),
        ("BIZOSAAS_TOPIC_PARTITIONS", "domain.orders"),
    ],
)
def test_a_setting_that_is_no_number_is_named(key, value):
    with pytest.raises(Invalid, match=f"{key}: must have a whole number from 1"):
        topic_settings({key: value})


def test_brokers_that_do_not_answer_are_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = kafka_address(f"kafka://127.0.0.1:{server.getsockname()[1]}")
    with pytest.raises(TryAgain, match=f"^Kafka at {address.servers[0]}: KafkaTimeoutError$"):
        difference(address, small(), ONE)
