"""GET /topology: the queues and topics that the platform uses, as it declares them."""

from __future__ import annotations

from pydantic import BaseModel

from events.topology import IN_SYNC_REPLICAS, QUEUES, REPLICATION_FACTOR, TOPOLOGY
from shared.runtime.http import operation_router

router = operation_router()


class QueueShape(BaseModel):
    """A queue: highest priority of a message, seconds that one may wait, deliveries at most, seconds between them."""

    name: str
    priority: int
    ttl_seconds: int
    delivery_limit: int
    retry_base: float
    retry_max: float
    dead_letter: str


class TopicShape(BaseModel):
    """A topic: its partitions and how many seconds a fact is kept (null: for ever)."""

    name: str
    partitions: int
    retention_seconds: int | None


class TopologyView(BaseModel):
    """All of it. The copies of a partition are those of production; one machine keeps one."""

    queues: list[QueueShape]
    topics: list[TopicShape]
    replication_factor: int = REPLICATION_FACTOR
    in_sync_replicas: int = IN_SYNC_REPLICAS


@router.get("/topology")
def topology() -> TopologyView:
    """Every queue and topic."""
    return TopologyView(
        queues=[QueueShape(**{n: getattr(spec, n) for n in QueueShape.model_fields}) for spec in QUEUES.values()],
        topics=[
            TopicShape(**{n: getattr(spec, n) for n in TopicShape.model_fields}) for spec in TOPOLOGY.topics.values()
        ],
    )
