"""An order's steps as plain functions over the platform's own code, for a task queue that is not ours.

The same checks, the same role code and the same rows of tasks and their results; without what our runtime adds: no
inbox, no outbox, no facts and so no record. Who calls them twice does them twice, but for the task's own step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.work import RoleWork
from functions.agents.work import handle
from functions.catalogue import by_name, functions
from scripts.benchmarks.samples import TENANT
from shared.contract import Context
from shared.coordination.flow import Order, submit
from shared.runtime.clock import utc_now
from shared.runtime.services import Services
from shared.store.database import Unit

CHAIN = ("payment_validator", "fraud_screener", "fulfilment_planner", "order_communicator")
_ROLES = {spec.role: spec for spec in functions() if spec.role}


def take(order: Mapping[str, Any]) -> str:
    """Judge an order and keep it as a task; the task's id."""
    unit = Unit("orchestration")
    try:
        context = _context(str(order["order_id"]))
        task, _ = submit(Services(by_name()["tasks-create"], context, unit), Order("order", order))
        unit.commit()
        return task.id
    finally:
        unit.close()


def work(task_id: str, step: int) -> None:
    """Let the role of a step do its part of a task; nothing happens where the task stopped at a human before."""
    role = CHAIN[step]
    spec = _ROLES[role]
    unit = Unit("orchestration")
    try:
        event = RoleWork(task_id=task_id, task_type="order", role=role, queue="auto_orders", step=step)
        list(handle(event, Services(spec, _context(f"{task_id}-{step}"), unit)))
        unit.commit()
    finally:
        unit.close()


def _context(name: str) -> Context:
    return Context(name, "/bench", TENANT, "bench", name, utc_now())
