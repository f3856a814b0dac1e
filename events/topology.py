"""Where messages travel: the queues and the topics of the platform, as data.

Work goes to a queue (one doer, retried, dead-lettered); a fact goes to a topic (many readers, replayable).
The two tables below are what every engine declares and what the charts are generated from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

DEAD_LETTER_EXCHANGE: Final = "dlx"
DEAD_LETTER_SUFFIX: Final = ".dlq"

# Copies of a topic's partition in production; one machine keeps one copy.
REPLICATION_FACTOR: Final = 3
IN_SYNC_REPLICAS: Final = 2


@dataclass(frozen=True)
class QueueSpec:
    """One work queue. Times are in seconds.

    `priority` is the highest priority a message may have in it (RabbitMQ's `x-max-priority`) and its rank
    beside other queues. A message is delivered `delivery_limit` times at most; the wait before the next
    delivery grows from `retry_base` to `retry_max`. Whatever is not done in `ttl_seconds` is dead-lettered.
    """

    name: str
    priority: int
    ttl_seconds: int
    delivery_limit: int = 5
    retry_base: float = 2.0
    retry_max: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= 255:
            raise ValueError(f"queue {self.name}: priority {self.priority} is not between 0 and 255")
        if self.ttl_seconds <= 0 or self.delivery_limit < 1:
            raise ValueError(f"queue {self.name}: ttl_seconds and delivery_limit must be at least 1")
        if not 0 < self.retry_base <= self.retry_max:
            raise ValueError(f"queue {self.name}: retry_base must be above 0 and not above retry_max")

    @property
    def dead_letter(self) -> str:
        """The name of the queue where its failed and expired messages rest."""
        return self.name + DEAD_LETTER_SUFFIX


@dataclass(frozen=True)
class TopicSpec:
    """One topic. A fact is kept `retention_seconds`; None keeps it for ever. `stamped`: the time of a record is the
    one at which the broker took it, never one that its sender wrote."""

    name: str
    partitions: int
    retention_seconds: int | None = 7 * DAY
    stamped: bool = False

    def __post_init__(self) -> None:
        if self.partitions < 1:
            raise ValueError(f"topic {self.name}: it needs at least one partition")


@dataclass(frozen=True)
class Topology:
    """Every queue and topic by its name: what an engine is given when it starts."""

    queues: Mapping[str, QueueSpec]
    topics: Mapping[str, TopicSpec]

    def __post_init__(self) -> None:
        named = [(name, spec.name) for name, spec in self.queues.items()]
        named += [(name, spec.name) for name, spec in self.topics.items()]
        for name, own in named:
            if name != own:
                raise ValueError(f"{own} stands in the table under another name, {name}")


# Work: one doer each. (name, priority, time to live in seconds)
QUEUES: Final[Mapping[str, QueueSpec]] = {
    spec.name: spec
    for spec in (
        QueueSpec("auto_orders", 10, 1 * HOUR),
        QueueSpec("auto_support_tickets", 10, 2 * HOUR),
        QueueSpec("auto_inventory", 5, 30 * MINUTE),
        QueueSpec("auto_marketing", 5, 4 * HOUR),
        QueueSpec("auto_seo", 5, 2 * HOUR),
        QueueSpec("auto_social_media", 5, 1 * HOUR),
        QueueSpec("auto_email_campaigns", 5, 2 * HOUR),
        QueueSpec("auto_analytics", 3, 4 * HOUR),
        QueueSpec("hitl_approval", 10, 24 * HOUR),
        QueueSpec("hitl_exceptions", 10, 12 * HOUR),
        QueueSpec("hitl_training", 5, 7 * DAY),
    )
}

# Facts: many readers each. (name, partitions, retention in seconds: seven days unless it says otherwise)
TOPICS: Final[Mapping[str, TopicSpec]] = {
    spec.name: spec
    for spec in (
        TopicSpec("domain.orders", 3),
        TopicSpec("domain.customers", 3),
        TopicSpec("domain.products", 3),
        TopicSpec("domain.leads", 2),
        TopicSpec("domain.content", 2),
        TopicSpec("ai.decisions", 3),
        TopicSpec("ai.completions", 3),
        TopicSpec("ai.errors", 2),
        TopicSpec("hitl.requests", 2, 30 * DAY),
        TopicSpec("hitl.decisions", 2, 30 * DAY),
        TopicSpec("hitl.feedback", 2, 30 * DAY),
        TopicSpec("audit.trail", 5, None),  # the audit index is rebuilt from it
        TopicSpec("analytics.metrics", 3),
        # beside the thirteen: a topic for each context that had none
        TopicSpec("domain.identity", 2),
        TopicSpec("domain.directory", 2),
        TopicSpec("domain.sourcing", 2),
        TopicSpec("domain.trading", 2),
    )
}

#: Where backends put their own events. It holds no facts of ours, and one function reads it, which asks each event for
#: its token: what is let in goes on to the topic of its context.
INCOMING: Final = TopicSpec("domain.incoming", 3, stamped=True)

TOPOLOGY: Final = Topology(QUEUES, {**TOPICS, INCOMING.name: INCOMING})
