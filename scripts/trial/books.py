"""What the stores of a platform hold, read into memory for the reckoning. By the settings of this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import select

from events.envelope import DecodeError, decode
from events.event import Event
from events.topology import TOPOLOGY
from events.work import ApprovalWork, ExceptionWork, RoleWork
from shared.bus.port import DeadLetterOffice
from shared.coordination.record import Record
from shared.coordination.tasks import ENDED
from shared.ids import derive_id
from shared.objects.claim import fetch_data
from shared.runtime.outbox import table
from shared.settings import CONTEXTS
from shared.store.database import Unit, database_errors

#: Proposals that the house itself carries out, by keeping a message (see shared/coordination/actions.py).
MESSAGES = frozenset({"send_message", "send_reply"})
_PAGE = 500


class Told(NamedTuple):
    """A message that a task's results say: by its id, what it is about, its kind, and the ids that it replaces."""

    id: str
    about: str
    kind: str
    replaces: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TaskEntry:
    """One task. `steps` are those that a role has done; `told` what its results that stand say to customers."""

    id: str
    tenant: str
    status: str
    step: int
    ended: bool
    cause: str
    steps: tuple[int, ...]
    told: tuple[Told, ...]

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


@dataclass(frozen=True)
class Sent:
    """One row of an outbox, read: a fact, or (`to_queue`) work. `event` is None when it is none of the house."""

    context: str
    tenant: str
    source: str
    id: str
    to_queue: bool
    sent: bool
    event: Event | None


@dataclass(frozen=True)
class Letter:
    """One dead letter: where it died, for whom, why, and the event in it by source and id."""

    origin: str
    group: str
    reason: str
    source: str
    id: str
    event: Event | None


@dataclass(frozen=True)
class Books:
    """All that is counted. `requests` are (id, task, status, decision), `samples` the requests they are of,
    `messages` (id, tenant, about, kind), `record` (tenant, source, event id), `broken` the faults of the chains."""

    tasks: Mapping[str, TaskEntry]
    requests: Sequence[tuple[str, str, str, str]]
    samples: Sequence[str]
    messages: Sequence[tuple[str, str, str, str]]
    sent: Sequence[Sent]
    record: Sequence[tuple[str, str, str]]
    broken: Sequence[str]
    letters: Sequence[Letter]

    @cached_property
    def open_requests(self) -> Counter[str]:
        """How many requests about each task wait for a human."""
        return Counter(task for _, task, status, _ in self.requests if status == "pending")

    @cached_property
    def dead_tasks(self) -> frozenset[str]:
        """The tasks whose work rests in a dead-letter queue."""
        works = (RoleWork, ApprovalWork, ExceptionWork)
        return frozenset(one.event.task_id for one in self.letters if isinstance(one.event, works))

    @cached_property
    def causes(self) -> Counter[str]:
        """How many tasks each event has started, by `source#id`."""
        return Counter(task.cause for task in self.tasks.values() if task.cause)

    @cached_property
    def facts(self) -> list[Sent]:
        """All that was committed to be told."""
        return [one for one in self.sent if not one.to_queue]

    def dead_facts(self, group: str) -> Counter[str]:
        """The facts that a group of readers gave up, by `source#id`."""
        return Counter(f"{one.source}#{one.id}" for one in self.letters if one.group == group)


def read_books(bus: DeadLetterOffice) -> Books:
    """Read everything. Raises `TryAgain` when a store or the bus cannot be read now."""
    brain, audit = Unit("orchestration"), Unit("audit")
    try:
        with database_errors():
            return Books(
                tasks={one.id: one for one in _tasks(brain)},
                requests=_rows(brain, "approvals", "id", "task_id", "status", "decision"),
                samples=[row[0] for row in _rows(brain, "samples", "request_id")],
                messages=_rows(brain, "messages", "id", "tenant", "about", "kind"),
                sent=[one for context in CONTEXTS for one in _sent(context)],
                record=_rows(audit, "record", "tenant", "source", "event_id"),
                broken=_broken(Record(audit)),
                letters=list(_letters(bus)),
            )
    finally:
        brain.close()
        audit.close()


def _rows(unit: Unit, name: str, *columns: str) -> list[tuple[Any, ...]]:
    source = table(unit.context, name)
    return [tuple(row) for row in unit.read().execute(select(*(source.c[column] for column in columns)))]


def _tasks(unit: Unit) -> Iterator[TaskEntry]:
    columns = ("id", "tenant", "status", "step", "ended_at", "cause", "results")
    for id_, tenant, status, step, ended_at, cause, results in _rows(unit, "tasks", *columns):
        steps = tuple(result["step"] for result in results)
        told = tuple(_told(tenant, status, step, results))
        yield TaskEntry(id_, tenant, status, step, ended_at is not None, cause, steps, told)


def _told(tenant: str, status: str, step: int, results: Sequence[Mapping[str, Any]]) -> Iterator[Told]:
    """What the results that stand say to customers. The last one of a task that stopped, or was stopped, at it does
    not stand: a human has yet to accept it, or has not."""
    stopped = status not in ("completed", "queued", "running")
    for result in results:
        if stopped and result["step"] == step:
            continue
        for proposal in result["proposals"]:
            if proposal["action"] in MESSAGES:
                detail = proposal["detail"]
                id_ = derive_id("message", tenant, detail["about"], detail["fingerprint"])
                yield Told(id_, detail["about"], detail["kind"], frozenset(detail.get("replaces") or ()))


def _sent(context: str) -> Iterator[Sent]:
    unit = Unit(context)
    try:
        for tenant, id_, to_queue, sent_at, body in _rows(
            unit, "outbox", "tenant", "id", "to_queue", "sent_at", "body"
        ):
            source, event_id, event = _event(fetch_data(body))
            yield Sent(context, tenant, source, event_id or id_, to_queue, sent_at is not None, event)
    finally:
        unit.close()


def _event(body: bytes) -> tuple[str, str, Event | None]:
    """(source, id, event) of a message."""
    try:
        envelope = decode(body)
    except DecodeError:
        return "", "", None
    return envelope.source, envelope.id, envelope.event


def _broken(record: Record) -> list[str]:
    return [fault for tenant in record.tenants() for fault in record.faults(tenant)]


def _letters(bus: DeadLetterOffice) -> Iterator[Letter]:
    for origin in (*TOPOLOGY.queues, *TOPOLOGY.topics):
        cursor: str | None = None
        while True:
            page = bus.dead_letters(origin, _PAGE, cursor)
            for dead in page.items:
                source, event_id, event = _event(fetch_data(dead.message.body))
                yield Letter(origin, dead.group, dead.reason, source, event_id, event)
            cursor = page.next_cursor
            if cursor is None:
                break
