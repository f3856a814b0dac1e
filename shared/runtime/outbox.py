"""What goes out: written with the state in one transaction, sent after the commit, sent again by the relay."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Insert, Select, Table, Update, bindparam, insert, select, update

from events.envelope import Envelope
from events.event import Event
from events.topology import QUEUES
from shared.bus.port import Message, NotSent, Publisher
from shared.contract import Addressed, Context
from shared.errors import TryAgain
from shared.ids import derive_id
from shared.objects.claim import leave_data
from shared.runtime.clock import utc_now
from shared.settings import settings
from shared.store.database import Unit, database_errors

log = logging.getLogger("runtime")


class Outgoing(NamedTuple):
    """One row of the outbox before it has a number."""

    id: str
    tenant: str
    subject: str
    type: str
    actor: str
    time: datetime
    to_queue: bool
    destination: str
    key: str
    priority: int
    body: bytes


def stamp(events: Iterable[Event | Addressed], function: str, context: Context, time: datetime) -> list[Outgoing]:
    """Give events their envelope. Ids derive from the call, the function and the place in the list, so that a
    repeated run repeats them. Only a call of the platform itself (no tenant) may address a tenant's event."""
    rows = []
    for index, item in enumerate(events):
        if not isinstance(item, Addressed):
            rows.append(_outgoing(item, index, function, context, time))
            continue
        if context.tenant:
            raise ValueError(f"{function} works for one tenant: it may not address another")
        own = replace(context, tenant=item.tenant, correlation=item.correlation or context.correlation)
        rows.append(_outgoing(item.event, index, function, own, time))
    return rows


def forward(envelope: Envelope, context: Context) -> Outgoing:
    """A fact that came from outside, as it was sent: its id and source stay, so that two ways in are one fact."""
    kind, name = envelope.event.destination()
    return Outgoing(
        derive_id("forward", envelope.tenant, envelope.source, envelope.id),
        envelope.tenant,
        envelope.subject,
        envelope.type,
        context.actor,
        context.time,
        kind == "queue",
        name,
        ordering_key(envelope.tenant, envelope.extensions.get("partitionkey") or envelope.event.aggregate()),
        0,
        leave_data(envelope.encode()),
    )


def ordering_key(tenant: str, aggregate: str) -> str:
    """What facts are kept in order by: a tenant's aggregate. Two tenants' orders may have one number."""
    return "/".join(part for part in (tenant, aggregate) if part)


def _outgoing(event: Event, index: int, function: str, context: Context, time: datetime) -> Outgoing:
    kind, name = event.destination()
    subject = event.about()
    role = str(getattr(event, "role", "") or "")
    ordered_by = event.aggregate() or ("" if context.tenant else context.correlation)
    extensions = {
        "correlationid": context.correlation,
        "causationid": context.id,
        "partitionkey": ordering_key(context.tenant, ordered_by),
    }
    if context.tenant:
        extensions["tenantid"] = context.tenant
    if context.actor:
        extensions["actorid"] = context.actor
    if role:
        extensions["agentrole"] = role
    if context.traceparent:
        extensions["traceparent"] = context.traceparent
    if kind == "queue":
        expiry = time + timedelta(seconds=QUEUES[name].ttl_seconds)
        extensions["expirytime"] = expiry.isoformat().replace("+00:00", "Z")
    envelope = Envelope(
        id=derive_id(context.tenant, context.source, context.id, function, str(index), event.wire_type()),
        source=f"/bizosaas/{function}",
        event=event,
        time=time,
        subject=subject,
        extensions=extensions,
    )
    return Outgoing(
        envelope.id,
        context.tenant,
        subject,
        envelope.type,
        context.actor,
        time,
        kind == "queue",
        name,
        extensions["partitionkey"],
        int(getattr(event, "priority", None) or (QUEUES[name].priority if kind == "queue" else 0)),
        leave_data(envelope.encode()),
    )


def write(unit: Unit, rows: Sequence[Outgoing]) -> None:
    """Put rows into the outbox of the unit's database, in its transaction."""
    if rows:
        unit.write().execute(_statements(unit.context).write, [row._asdict() for row in rows])


def was_handled(unit: Unit, function: str, envelope: Envelope) -> bool:
    """Whether the function handled this event (tenant, source, id) before."""
    query = _statements(unit.context).handled
    return unit.read().execute(query, _inbox_key(function, envelope)).first() is not None


def note_handled(unit: Unit, function: str, envelope: Envelope, now: datetime) -> None:
    """Note in the unit's transaction that the function handled this event; a second note collides."""
    note_all_handled(unit, function, [envelope], now)


def note_all_handled(unit: Unit, function: str, envelopes: Sequence[Envelope], now: datetime) -> None:
    """As `note_handled`, for many."""
    rows = [{**_inbox_key(function, envelope), "handled_at": now} for envelope in envelopes]
    if rows:
        unit.write().execute(_statements(unit.context).note_handled, rows)


def _inbox_key(function: str, envelope: Envelope) -> dict[str, str]:
    return {"function": function, "tenant": envelope.tenant, "source": envelope.source, "id": envelope.id}


def send(context: str, rows: Sequence[Outgoing], publisher: Publisher) -> bool:
    """Send committed rows and note that they were sent, soon. False when the bus could not take all of them: the relay
    will send the others."""
    taken, left = publish(rows, publisher)
    if taken:
        sent().add(context, taken)
    return not left


def publish(rows: Sequence[Outgoing], publisher: Publisher) -> tuple[list[str], list[Outgoing]]:
    """Send rows: (the ids of those that are sent, those that are left)."""
    work = [(row.destination, _message(row)) for row in rows if row.to_queue]
    facts = [(row.destination, _message(row)) for row in rows if not row.to_queue]
    try:
        publisher.send(work, facts)
    except TryAgain as error:
        unsent = error.ids if isinstance(error, NotSent) else frozenset(row.id for row in rows)
        left = [row for row in rows if row.id in unsent]
        log.warning("%d of %d events cannot be sent now, the relay will: %s", len(left), len(rows), error.detail)
        return [row.id for row in rows if row.id not in unsent], left
    return [row.id for row in rows], []


def _message(row: Outgoing) -> Message:
    expires = None
    if row.to_queue:
        expires = (row.time + timedelta(seconds=QUEUES[row.destination].ttl_seconds)).timestamp()
    return Message(id=row.id, body=row.body, key=row.key, priority=row.priority, expires_at=expires)


class Sent:
    """What was sent and is not noted yet. All of a moment is noted in one transaction: to lose such a note costs a
    second sending, and making it at once cost as much as the work of a small function."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._lock = threading.Lock()
        self._noting = threading.Lock()
        self._ids: dict[str, list[str]] = {}
        self._timer: threading.Timer | None = None

    def add(self, context: str, ids: Sequence[str]) -> None:
        """Note these within `NOTE_SECONDS`."""
        with self._lock:
            self._ids.setdefault(context, []).extend(ids)
            if self._timer is None:
                self._timer = threading.Timer(NOTE_SECONDS, self.note)
                self._timer.daemon = True
                self._timer.start()

    def note(self) -> None:
        """Note all, now: as a process does at its end, which waits for a note under way. What cannot be noted is sent
        again by the relay."""
        with self._noting:
            with self._lock:
                timer, self._timer = self._timer, None
                ids, self._ids = self._ids, {}
            if timer is not None:
                timer.cancel()
            for context, those in ids.items():
                _note(context, those)


def _note(context: str, ids: Sequence[str]) -> None:
    unit = Unit(context)
    try:
        with database_errors():
            mark(unit, ids)
    except Exception as error:  # noqa: BLE001  # the boundary of a thread of its own; nothing is lost by it
        log.warning("the relay will send %d events of %s again: %s", len(ids), context, error)
    finally:
        unit.close()


#: Well below the age at which the relay takes a row for one that a crash has left.
NOTE_SECONDS = 0.5


@cache
def _sent(process: int) -> Sent:  # noqa: ARG001  # never across a fork: a child has neither the thread nor the debt
    return Sent()


def sent() -> Sent:
    """The process's."""
    return _sent(os.getpid())


def mark(unit: Unit, ids: Sequence[str]) -> None:
    """Note that these were sent, and commit."""
    unit.write(relaxed=True).execute(_statements(unit.context).mark_sent, {"ids": list(ids), "at": utc_now()})
    unit.commit()


@cache
def table(context: str, name: str) -> Table:
    """A table of a context by name; imports only that context's tables."""
    import importlib

    module: Any = importlib.import_module(f"shared.store.{context}")
    found: Table = module.metadata.tables[name]
    return found


class _Statements(NamedTuple):
    """What every message runs, made once for each context: making a statement costs more than running it."""

    handled: Select[Any]
    note_handled: Insert
    write: Insert
    mark_sent: Update


@cache
def _statements(context: str) -> _Statements:
    inbox, outbox = table(context, "inbox"), table(context, "outbox")
    key = [inbox.c[name] == bindparam(name) for name in ("function", "tenant", "source", "id")]
    these = outbox.c.id.in_(bindparam("ids", expanding=True))
    marked = update(outbox).where(these).values(sent_at=bindparam("at"))
    return _Statements(select(inbox.c.id).where(*key), insert(inbox), insert(outbox), marked)


@cache
def _publisher(url: str, process: int) -> Publisher:  # noqa: ARG001  # never across a fork
    from shared.bus import open_publisher

    return open_publisher(url)


def publisher() -> Publisher:
    """The process's publisher, opened when first used."""
    return _publisher(settings().bus_url, os.getpid())
