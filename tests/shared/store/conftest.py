"""A platform of functions without a host: called from many threads at once, on either engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import pytest
from sqlalchemy import Table, select
from sqlalchemy.engine import Row

from events.envelope import Envelope, decode
from events.event import Event
from events.jsontext import dumps, loads
from functions.catalogue import by_name
from shared.bus.port import Message
from shared.contract import Caller, Context
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.entry import prepare
from shared.runtime.process import process
from shared.runtime.services import Services
from shared.runtime.transaction import Call
from shared.store import database, postgres
from shared.store.database import Unit
from tests.databases import forget_engines

TENANT = "demo"
PLATFORM = Caller("service:test", "", "AGENT")
T = TypeVar("T")


class Reply(NamedTuple):
    """What an HTTP function answered."""

    status: int
    body: Any


class Sink:
    """A bus that takes all and keeps it."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]] = ()) -> None:
        self.sent += [message for _, message in (*work, *facts)]

    def close(self) -> None:
        """Nothing to let go of."""


class Functions:
    """Calls functions as the host would."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def call(self, name: str, body: Any = None, *, user: str = "ada", key: str = "", **path: str) -> Reply:
        """An HTTP function, past the token."""
        spec = by_name()[name]
        method, _, route = spec.route.partition(" ")
        raw = route.format(**path).encode()
        scope: dict[str, Any] = {"type": "http", "method": method, "path": raw.decode(), "raw_path": raw}
        scope |= {"root_path": "", "query_string": b"", "headers": [(b"content-type", b"application/json")]}
        app: Any = prepare(spec).loaded_app
        content = dumps(body).encode() if body is not None else b""
        call = Call(spec, scope, Caller(user, TENANT, "TENANT_ADMIN"), content, key)
        stored = call.stored() if key else None
        messages = stored or asyncio.run(call.run(app.app, app.translate_error))
        answer = b"".join(message.get("body", b"") for message in messages[1:])
        return Reply(messages[0]["status"], loads(answer) if answer else None)

    def deliver(self, name: str, *items: Envelope) -> list[int]:
        """Events to an event function."""
        return [outcome.status for outcome in process(by_name()[name], items, PLATFORM)]

    def events(self, *kinds: type[Event], context: str = "orchestration") -> list[Envelope]:
        """The events of these kinds in a context's outbox, in order."""
        rows = self.rows(outbox.table(context, "outbox"), context)
        found = [decode(row.body) for row in sorted(rows, key=lambda row: row.seq)]
        return [one for one in found if isinstance(one.event, kinds)]

    def rows(self, table: Table, context: str = "orchestration") -> list[Row[Any]]:
        """All rows of a table."""
        unit = Unit(context)
        try:
            return list(unit.read().execute(select(table)))
        finally:
            unit.close()

    def services(self, unit: Unit) -> Services:
        """The services of one call of its own."""
        call = uuid4().hex
        return Services(by_name()["tasks-create"], Context(call, "/test", TENANT, "ada", call, utc_now()), unit)

    def order(self, amount: str = "10.00", **more: Any) -> str:
        """Submit an order; returns the task's id."""
        data = {"order_id": uuid4().hex, "amount": amount, "currency": "EUR", "fraud_score": 0, "customer_new": False}
        reply = self.call("tasks-create", {"type": "order", "data": data | more})
        assert reply.status == 202, reply
        task_id: str = reply.body["id"]
        return task_id


@pytest.fixture
def functions(home: Path, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Functions on one home. The test's process may have as many connections as it has threads."""
    monkeypatch.setattr(postgres, "ADDED", 60)
    monkeypatch.setattr(database, "ADDED", 100)
    forget_engines()
    sink = Sink()
    monkeypatch.setattr(outbox, "publisher", lambda: sink)
    return Functions(sink)


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Run a function for each item in a thread of its own, all let go at one moment; the answers, in order."""

    def run(act: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        gate = threading.Barrier(len(items))

        def one(item: Any) -> T:
            gate.wait(30)
            return act(item)

        with ThreadPoolExecutor(len(items)) as pool:
            return list(pool.map(one, items))

    return run
