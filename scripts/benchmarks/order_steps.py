"""An order's steps as plain functions over the platform's own code, for a task queue that is not ours.

The same checks, the same role code and the same rows of tasks and their results. What our runtime adds to them is done
as it is done without it, or left out: see `Care`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from events.envelope import Envelope, decode
from events.event import Event
from events.work import RoleWork
from functions.agents.work import handle
from functions.catalogue import by_name, functions
from scripts.benchmarks.samples import TENANT
from shared.contract import Addressed, Caller, Context, FunctionSpec
from shared.coordination.flow import Order, submit
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.process import process
from shared.runtime.services import Services
from shared.runtime.showing import show
from shared.store.database import Unit

CHAIN = ("payment_validator", "fraud_screener", "fulfilment_planner", "order_communicator")
PLATFORM = Caller("service:bench", "", "AGENT")
_ROLES = {spec.role: spec for spec in functions() if spec.role}


class Care(StrEnum):
    """How much is done beside the work itself, each with what is before it.

    `NONE` nothing. `TOLD` each step happens once (an inbox row in its commit), its facts are sent to Kafka, confirmed,
    and put on record after the commit: a crash between those loses them. `ALL`: the facts stand in an outbox by that
    commit, and are marked as sent after it, many at a time as ours are; and they are shown in the live streams.
    """

    NONE = "none"
    TOLD = "told"
    ALL = "all"


def take(order: Mapping[str, Any], care: Care) -> str:
    """Judge an order and keep it as a task: the task's id."""
    spec = by_name()["tasks-create"]
    context = _context(str(order["order_id"]))
    unit = Unit("orchestration")
    try:
        task, events = submit(Services(spec, context, unit), Order("order", order))
        _end(unit, care, _facts(care, spec, context, events))
        return task.id
    finally:
        unit.close()


def work(task_id: str, step: int, care: Care) -> None:
    """Let the role of a step do its part of a task; nothing happens where the task stopped at a human before, or, with
    care, where the step was done before."""
    role = CHAIN[step]
    spec = _ROLES[role]
    context = _context(f"{task_id}-{step}")
    event = RoleWork(task_id=task_id, task_type="order", role=role, queue="auto_orders", step=step)
    call = Envelope(context.id, context.source, event, context.time, task_id, {"tenantid": TENANT})
    unit = Unit("orchestration")
    try:
        if care != Care.NONE and outbox.was_handled(unit, spec.name, call):
            return
        events = handle(event, Services(spec, context, unit))
        facts = _facts(care, spec, context, events)
        if care != Care.NONE:
            outbox.note_handled(unit, spec.name, call, context.time)
        _end(unit, care, facts)
    finally:
        unit.close()


def _facts(
    care: Care, spec: FunctionSpec, context: Context, events: Iterable[Event | Addressed]
) -> list[outbox.Outgoing]:
    """The facts of what a function had to say: its work goes on by the chain."""
    said = list(events)
    stamped = [] if care == Care.NONE else outbox.stamp(said, spec.name, context, utc_now())
    return [row for row in stamped if not row.to_queue]


def _end(unit: Unit, care: Care, facts: list[outbox.Outgoing]) -> None:
    """Commit, and tell. Raises `RuntimeError` when a fact is refused."""
    if care == Care.ALL:
        outbox.write(unit, facts)
    unit.commit()
    if not facts:
        return
    taken, left = outbox.publish(facts, outbox.publisher())
    events = [decode(row.body) for row in facts]
    done = process(by_name()["audit-record"], events, PLATFORM)
    if care == Care.ALL:
        outbox.sent().add(unit.context, taken)
        done += show(by_name()["live-publish"], events, PLATFORM, 1)
    if left or any(one.error for one in done):
        raise RuntimeError(f"{len(left)} facts were not sent, or not recorded or shown: {done}")


def _context(name: str) -> Context:
    return Context(name, "/bench", TENANT, "bench", name, utc_now())
