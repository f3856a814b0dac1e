"""The queues and topics are those of the platform's two tables."""

from __future__ import annotations

import pytest

from events.topology import INCOMING, QUEUES, TOPICS, TOPOLOGY, QueueSpec, TopicSpec, Topology

HOUR = 3600

# SYSTEM.md 4: queue, priority, time to live in seconds
WORK = {
    ("auto_orders", 10, HOUR),
    ("auto_support_tickets", 10, 2 * HOUR),
    ("auto_inventory", 5, 1800),
    ("auto_marketing", 5, 4 * HOUR),
    ("auto_seo", 5, 2 * HOUR),
    ("auto_social_media", 5, HOUR),
    ("auto_email_campaigns", 5, 2 * HOUR),
    ("auto_analytics", 3, 4 * HOUR),
    ("hitl_approval", 10, 24 * HOUR),
    ("hitl_exceptions", 10, 12 * HOUR),
    ("hitl_training", 5, 7 * 24 * HOUR),
}

# SYSTEM.md 3: the thirteen required topics and their partitions, then the four beside them
REQUIRED = {
    "domain.orders": 3,
    "domain.customers": 3,
    "domain.products": 3,
    "domain.leads": 2,
    "domain.content": 2,
    "ai.decisions": 3,
    "ai.completions": 3,
    "ai.errors": 2,
    "hitl.requests": 2,
    "hitl.decisions": 2,
    "hitl.feedback": 2,
    "audit.trail": 5,
    "analytics.metrics": 3,
}
BESIDE = {"domain.identity": 2, "domain.directory": 2, "domain.sourcing": 2, "domain.trading": 2}


def test_the_eleven_queues_have_the_priorities_and_times_to_live_of_the_table():
    assert {(spec.name, spec.priority, spec.ttl_seconds) for spec in QUEUES.values()} == WORK


def test_the_thirteen_topics_and_the_four_beside_them_have_the_partitions_of_the_table():
    assert {spec.name: spec.partitions for spec in TOPICS.values()} == REQUIRED | BESIDE


def test_every_queue_has_a_dead_letter_queue_so_there_are_twenty_two_in_all():
    names = set(QUEUES) | {spec.dead_letter for spec in QUEUES.values()}
    assert len(names) == 22
    assert QUEUES["auto_orders"].dead_letter == "auto_orders.dlq"


def test_the_audit_trail_is_kept_for_ever_because_the_index_is_rebuilt_from_it():
    assert TOPICS["audit.trail"].retention_seconds is None


def test_the_topology_holds_both_tables_and_the_door_for_backends():
    """The door is none of the seventeen: it holds no facts of the platform, and the broker's time is on its events."""
    assert TOPOLOGY.queues == QUEUES
    assert TOPOLOGY.topics == {**TOPICS, "domain.incoming": INCOMING}
    assert (INCOMING.partitions, INCOMING.stamped) == (3, True)
    assert not any(spec.stamped for spec in TOPICS.values())


def test_a_spec_under_another_name_is_refused_by_name():
    with pytest.raises(ValueError, match="auto_orders stands in the table under another name, orders"):
        Topology({"orders": QUEUES["auto_orders"]}, {})
    with pytest.raises(ValueError, match=r"ai\.errors stands in the table under another name, errors"):
        Topology({}, {"errors": TOPICS["ai.errors"]})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"priority": 256}, "priority 256"),
        ({"priority": -1}, "priority -1"),
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"delivery_limit": 0}, "delivery_limit"),
        ({"retry_base": 0.0}, "retry_base"),
        ({"retry_base": 61.0}, "retry_base"),
    ],
)
def test_a_queue_that_cannot_work_is_refused_at_its_declaration(changes, said):
    with pytest.raises(ValueError, match=said):
        QueueSpec(**({"name": "q", "priority": 5, "ttl_seconds": 60} | changes))


def test_a_topic_without_partitions_is_refused():
    with pytest.raises(ValueError, match="at least one partition"):
        TopicSpec("t", 0)
