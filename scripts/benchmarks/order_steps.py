"""An order's steps as plain functions over the platform's own code, for a task queue that is not ours.

The same checks, the same role code and the same rows of tasks and their results. What our runtime adds is left out, or
done as it is done without it (`once`, `tell`): an inbox row in the step's commit, the facts sent to Kafka and put on
record after it. A crash between those loses the facts, which an outbox would keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from events.envelope import Envelope, decode
from events.event import Event
from events.work import RoleWork
from functions.agents.work import handle
from functions.catalogue import by_name, functions
from scripts.benchmarks.samples import TENANT
from shared.contract import Addressed, Caller, Context
from shared.coordination.flow import Order, submit
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.process import process
from shared.runtime.services import Services
from shared.store.database import Unit

CHAIN = ("payment_validator", "fraud_screener", "fulfilment_planner", "order_communicator")
PLATFORM = Caller("service:bench", "", "AGENT")
_ROLES = {spec.role: spec for spec in functions() if spec.role}


class Said(NamedTuple):
    """What a function had to say, in its call."""

    function: str
    context: Context
    events: Sequence[Event | Addressed]


def take(order: Mapping[str, Any]) -> tuple[str, Said]:
    """Judge an order and keep it as a task: the task's id, and what is to be told."""
    spec = by_name()["tasks-create"]
    context = _context(str(order["order_id"]))
    unit = Unit("orchestration")
    try:
        task, events = submit(Services(spec, context, unit), Order("order", order))
        unit.commit()
        return task.id, Said(spec.name, context, events)
    finally:
        unit.close()


def work(task_id: str, step: int, *, once: bool = False) -> Said:
    """Let the role of a step do its part of a task; nothing happens where the task stopped at a human before, or, with
    `once`, where the step was done before."""
    role = CHAIN[step]
    spec = _ROLES[role]
    context = _context(f"{task_id}-{step}")
    event = RoleWork(task_id=task_id, task_type="order", role=role, queue="auto_orders", step=step)
    call = Envelope(context.id, context.source, event, context.time, task_id, {"tenantid": TENANT})
    unit = Unit("orchestration")
    try:
        if once and outbox.was_handled(unit, spec.name, call):
            return Said(spec.name, context, ())
        events = list(handle(event, Services(spec, context, unit)))
        if once:
            outbox.note_handled(unit, spec.name, call, context.time)
        unit.commit()
        return Said(spec.name, context, events)
    finally:
        unit.close()


def tell(said: Said) -> None:
    """Send the facts to Kafka, confirmed, and put them on record. Raises `RuntimeError` when one is refused."""
    stamped = outbox.stamp(said.events, said.function, said.context, utc_now())
    facts = [row for row in stamped if not row.to_queue]
    if not facts:
        return
    _, left = outbox.publish(facts, outbox.publisher())
    done = process(by_name()["audit-record"], [decode(row.body) for row in facts], PLATFORM)
    if left or any(one.error for one in done):
        raise RuntimeError(f"{len(left)} facts were not sent, or not recorded: {done}")


def _context(name: str) -> Context:
    return Context(name, "/bench", TENANT, "bench", name, utc_now())
