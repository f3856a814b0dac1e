"""What is declared, and that one broker is told another thing than the next only where it must be."""

from __future__ import annotations

import pytest

from events.topology import TOPOLOGY, QueueSpec, Topology
from shared.bus.rabbitmq.layout import QueueOptions, declared_queues, retry_queue, retry_queues, waits
from shared.errors import Invalid

SPEC = QueueSpec("q", 10, 3600)
ONE = Topology({"q": SPEC}, {})


def arguments(name, options=QueueOptions(), version=(3, 10, 8)):  # noqa: B008  # frozen
    return next(queue.arguments for queue in declared_queues(ONE, options, version) if queue.name == name)


def test_a_work_queue_is_a_quorum_queue_that_loses_nothing_on_its_way_to_the_dead_letters():
    assert arguments("q") == {
        "x-queue-type": "quorum",
        "x-message-ttl": 3_600_000,
        "x-dead-letter-exchange": "dlx",
        "x-dead-letter-routing-key": "q",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-delivery-limit": 5 * 10 + 3600 // 30,
    }


def test_a_classic_queue_has_priorities_and_nothing_that_only_quorum_queues_know():
    assert arguments("q", QueueOptions("classic", max_length=9)) == {
        "x-queue-type": "classic",
        "x-message-ttl": 3_600_000,
        "x-dead-letter-exchange": "dlx",
        "x-dead-letter-routing-key": "q",
        "x-overflow": "reject-publish",
        "x-max-priority": 10,
        "x-max-length": 9,
    }


def test_only_a_newer_broker_is_told_to_keep_dead_letters_that_were_looked_at_often():
    """Quorum queues have a delivery limit of 20 since RabbitMQ 4.0; 3.x knows no -1."""
    assert arguments("q.dlq") == {"x-queue-type": "quorum"}
    assert arguments("q.dlq", version=(4, 1, 0)) == {"x-queue-type": "quorum", "x-delivery-limit": -1}
    assert arguments("q.dlq", QueueOptions("classic"), (4, 1, 0)) == {"x-queue-type": "classic"}


def test_what_waits_comes_back_to_its_queue():
    for name in retry_queues(SPEC):
        assert arguments(name)["x-dead-letter-exchange"] == ""
        assert arguments(name)["x-dead-letter-routing-key"] == "q"
        assert arguments(name)["x-dead-letter-strategy"] == "at-least-once"


def test_a_delay_waits_beside_others_that_are_at_most_twice_as_long():
    assert waits(SPEC) == [2, 4, 8, 16]
    found = {delay: retry_queue(SPEC, delay) for delay in (0.1, 2, 2.1, 4, 15, 16.1, 3600)}
    numbers = {0.1: 1, 2: 1, 2.1: 2, 4: 2, 15: 4, 16.1: 5, 3600: 5}
    assert found == {delay: f"q.retry.{number}" for delay, number in numbers.items()}


def test_a_backoff_that_does_not_grow_has_one_ceiling():
    assert waits(QueueSpec("q", 5, 60, retry_base=5, retry_max=5)) == [5]


def test_every_queue_of_the_platform_has_its_dead_letters_behind_the_exchange():
    declared = {queue.name: queue for queue in declared_queues(TOPOLOGY, QueueOptions(), (3, 10))}
    assert len(TOPOLOGY.queues) == 11
    for spec in TOPOLOGY.queues.values():
        assert declared[spec.name].arguments["x-message-ttl"] == spec.ttl_seconds * 1000
        assert declared[spec.dead_letter].bound_as == spec.name


def test_a_broker_that_is_too_old_and_options_that_are_none_are_refused():
    with pytest.raises(Invalid, match=r"RabbitMQ 3\.9\.1 is too old"):
        list(declared_queues(ONE, QueueOptions(), (3, 9, 1)))
    with pytest.raises(Invalid, match="kind: must be quorum or classic, not 'stream'"):
        QueueOptions("stream")
    with pytest.raises(Invalid, match="max_length: must be at least 1"):
        QueueOptions(max_length=0)
