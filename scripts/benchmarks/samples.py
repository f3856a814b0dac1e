"""One small piece of work, the same for us and for others: a human's decision is kept as one row of `samples`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from shared.runtime.clock import utc_now
from shared.store.orchestration import samples

TENANT = "demo"
QUEUE = "hitl_training"
#: Made once: to make a statement costs SQLAlchemy more than to run it, and is no part of what is measured.
_KEEP = insert(samples)
COUNT = f"SELECT count(*) FROM {samples.name}"


def sample(batch: str, number: int) -> dict[str, Any]:
    """What travels: the fields of a `TrainingSample`, of a number within a batch."""
    return {
        "request_id": f"{batch}-{number}",
        "task_id": f"task-{batch}-{number}",
        "task_type": "order",
        "role": "fraud_screener",
        "triggers": ["order_high_value"],
        "decision": "approve",
        "agreement": True,
        "ai_recommendation": "Let it pass: the customer has bought before and the address is known.",
        "ai_confidence": 0.82,
        "labels": {"fraud": False, "seconds": 41},
    }


def keep(connection: Connection, what: Mapping[str, Any]) -> None:
    """One INSERT."""
    connection.execute(_KEEP, {**what, "tenant": TENANT, "at": utc_now()})
