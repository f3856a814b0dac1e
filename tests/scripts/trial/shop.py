"""A small platform at rest, as rows: what was promised, and the stores that keep the promise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, text

from events.commerce import OrderPlaced
from events.envelope import decode
from events.event import Event
from events.jsontext import canonical
from events.orchestration import (
    AgentCompleted,
    FeedbackLearned,
    HITLDecided,
    HITLRequested,
    TaskAssigned,
    TaskEnded,
    TaskSubmitted,
)
from events.topology import QUEUES, TOPICS
from events.work import RoleWork, TrainingSample
from scripts.trial.books import read_books
from scripts.trial.reckoning import Promised, Reckoning, reckon
from shared.bus import open_bus
from shared.bus.port import Bus, Message
from shared.contract import Context
from shared.coordination.record import Entry, Record
from shared.ids import derive_id
from shared.runtime import outbox
from shared.settings import settings
from shared.store import orchestration as tables
from shared.store.database import Unit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TENANT = "demo"
PROMISED = Promised(
    tasks=["done", "waits", "decided", "dead"],
    events=["/shop#e-1", "/shop#e-2"],
    decisions={"r-decided": "reject"},
    whole=True,
)


def make_shop() -> None:
    """Three tasks have ended (one by a human, one begun by an event), one waits, one's work died, and one event's
    too."""
    unit = Unit("orchestration")
    _task(unit, "done", "completed", results=[_result("done")])
    _task(unit, "waits", "awaiting_approval")
    _task(unit, "decided", "rejected")
    _task(unit, "dead", "queued")
    _task(unit, "from-event", "completed", cause="/shop#e-1", results=[_result("from-event")])
    for task in ("done", "from-event"):
        unit.write().execute(insert(tables.messages).values(**_message(task)))
    _request(unit, "waits", "pending")
    _request(unit, "decided", "rejected")
    unit.write().execute(insert(tables.samples).values(**_sample("decided")))
    unit.commit()
    for name, events in _stories().items():
        say(name, events)
    _forward("e-1")
    _forward("e-2")
    with bus() as one:
        _die(one, "dead", "e-2")


def _stories() -> Mapping[str, Sequence[Event]]:
    request = {"request_id": "r-decided", "task_id": "decided", "task_type": "order", "decision": "reject"}
    decided = HITLDecided(**request, reviewer="ada", minutes_waited=1.0, timestamp=NOW)
    return {
        "done": [*_begun("done"), *_worked("done"), _over("done", "completed")],
        "waits": [_submitted("waits"), _requested("waits")],
        "decided": [
            _submitted("decided"),
            _requested("decided"),
            decided,
            TrainingSample(**request),
            FeedbackLearned(**request),
            _over("decided", "rejected"),
        ],
        "dead": [*_begun("dead")],
        "from-event": [*_begun("from-event"), *_worked("from-event"), _over("from-event", "completed")],
    }


def say(name: str, events: Sequence[Event], *, on_record: bool = True) -> None:
    """Commit events, as sent, the facts among them on record."""
    context = Context(id=name, source="/shop", tenant=TENANT, actor="ada", correlation=name, time=NOW)
    rows = outbox.stamp(events, "tasks-create", context, NOW)
    _commit(rows, on_record)


def _forward(event_id: str) -> None:
    placed = OrderPlaced(order_id=event_id, amount="1.00", currency="EUR")
    context = Context(id=event_id, source="/shop", tenant=TENANT, actor="ada", correlation=event_id, time=NOW)
    (row,) = outbox.stamp([placed], "gateway-ingest", context, NOW)
    envelope = decode(row.body)
    body = envelope.encode().replace(envelope.id.encode(), event_id.encode())
    body = body.replace(envelope.source.encode(), b"/shop")
    _commit([row._replace(body=body)], True)


def _commit(rows: Sequence[outbox.Outgoing], on_record: bool) -> None:
    unit = Unit("orchestration")
    outbox.write(unit, rows)
    unit.commit()
    outbox.mark(unit, [row.id for row in rows])
    record = Record(Unit("audit"))
    for row in rows:
        if on_record and not row.to_queue:
            envelope = decode(row.body)
            data = canonical(envelope.event.model_dump(mode="json"))
            record.add(Entry(TENANT, envelope.source, envelope.id, row.type, NOW, "ada", "", "", "", data))
    record.unit.commit()


def _die(one: Bus, task: str, event_id: str) -> None:
    """The work of a task, and an event, end as dead letters."""
    work = Message("work", _body("auto_orders", task))
    fact = Message("fact", _body("domain.orders", event_id))
    one.send([("auto_orders", work)], [("domain.orders", fact)])
    (delivery,) = one.lease("auto_orders", 1, 60)
    assert one.bury(delivery, "422: it cannot be done")
    (record,) = one.read(["domain.orders"], "tasks-react", 10, 60)
    assert one.skip("tasks-react", record, "409: no order is known")


def _body(destination: str, about: str) -> bytes:
    for row in Unit("orchestration").read().execute(text("SELECT destination, body FROM outbox")):
        if row.destination == destination and about.encode() in row.body:
            return bytes(row.body)
    raise LookupError(about)


@contextmanager
def bus() -> Iterator[Bus]:
    """Of the shop."""
    one = open_bus(settings().bus_url)
    try:
        yield one
    finally:
        one.close()


def reckoned(promised: Promised = PROMISED) -> Reckoning:
    """The count of the shop as it is now."""
    with bus() as one:
        return reckon(read_books(one), promised)


def change(context: str, statement: str) -> None:
    """Break something."""
    unit = Unit(context)
    assert unit.write().execute(text(statement)).rowcount > 0
    unit.commit()


# --- rows ---------------------------------------------------------------------------------------------


def _task(unit: Unit, id_: str, status: str, cause: str = "", results: Sequence[Mapping[str, Any]] = ()) -> None:
    ended = NOW if status in ("completed", "rejected") else None
    unit.write().execute(
        insert(tables.tasks).values(
            id=id_, tenant=TENANT, type="order", status=status, role="payment_validator", queue="auto_orders", step=0,
            priority=5, description="", expected_output="", data={}, results=list(results), verdict={}, cleared=[],
            created_by="ada", cause=cause, why="", version=1, created_at=NOW, updated_at=NOW, ended_at=ended,
        )
    )  # fmt: skip


def _result(task: str) -> dict[str, Any]:
    detail = {"about": f"order-{task}", "kind": "confirmation", "fingerprint": "f", "replaces": []}
    return {"step": 0, "role": "payment_validator", "proposals": [{"action": "send_message", "detail": detail}]}


def _message(task: str) -> dict[str, Any]:
    about = f"order-{task}"
    words = dict.fromkeys(("channel", "recipient", "subject", "body"), "x")
    kept = {"about": about, "kind": "confirmation", "fingerprint": "f", "task_id": task, "status": "ready"}
    times = {"send_at": NOW, "created_at": NOW}
    return {"id": derive_id("message", TENANT, about, "f"), "tenant": TENANT, **words, **kept, **times}


def _request(unit: Unit, task: str, status: str) -> None:
    unit.write().execute(
        insert(tables.approvals).values(
            id=f"r-{task}", tenant=TENANT, task_id=task, task_type="order", kind="approval", status=status,
            urgency="low", urgency_rank=2, triggers=[], reasons=[], task_data={}, ai_recommendation="",
            estimated_impact={}, context={}, action={}, action_hash="h", policy_version="p", step=0, role="r",
            notes={}, created_at=NOW, expires_at=NOW, decision="", reviewer="", reviewer_notes="",
        )
    )  # fmt: skip


def _sample(task: str) -> dict[str, Any]:
    return {
        "request_id": f"r-{task}", "tenant": TENANT, "task_id": task, "task_type": "order", "role": "r",
        "triggers": [], "decision": "reject", "ai_recommendation": "", "labels": {}, "at": NOW,
    }  # fmt: skip


# --- events -------------------------------------------------------------------------------------------


def _submitted(task: str) -> Event:
    return TaskSubmitted(task_id=task, task_type="order", actor="ada", role="payment_validator", escalated=False)


def assigned(task: str) -> list[Event]:
    """The fact and the work."""
    work = {"task_id": task, "task_type": "order", "role": "payment_validator", "queue": "auto_orders", "step": 0}
    return [TaskAssigned(**work), RoleWork(**work)]


def completed(task: str) -> Event:
    """What a role says when it has done step 0."""
    role = {"role": "payment_validator", "step": 0, "outcome": "paid", "confidence": 1.0, "engine": "playbook"}
    return AgentCompleted(task_id=task, task_type="order", **role)


def _begun(task: str) -> list[Event]:
    return [_submitted(task), *assigned(task)]


def _worked(task: str) -> list[Event]:
    return [completed(task)]


def _over(task: str, status: Any) -> Event:
    return TaskEnded(task_id=task, task_type="order", status=status, actor="ada")


def _requested(task: str) -> Event:
    common = {"request_id": f"r-{task}", "task_id": task, "task_type": "order", "kind": "approval"}
    return HITLRequested(**common, urgency="low", expires_at=NOW)


#: Where letters may rest.
ORIGINS = (*QUEUES, *TOPICS)
