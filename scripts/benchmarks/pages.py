"""What the first page of a long list costs: the waiting requests, the tasks and the record of a tenant at 1,000,000
rows, beside the same at 1,000, on SQLite and on PostgreSQL.

Each is the call that its function makes, 50 items; the ratio is to be near 1. PostgreSQL's address is taken from
`BIZOSAAS_BENCH_POSTGRES_URL` (postgresql+psycopg://...; its user may make databases); without it SQLite alone is
measured.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, insert, make_url, text

from events.envelope import Envelope
from events.orchestration import AuditNoted
from scripts.benchmarks.measure import Bench, Figure
from shared.coordination.approvals import RANKS, Approvals
from shared.coordination.record import Record
from shared.coordination.tasks import STATUSES, Tasks
from shared.runtime.clock import utc_now
from shared.settings import CONTEXTS, settings
from shared.store.database import Unit, engine
from shared.store.migrate import migrate_all

TENANT, FEW, MANY = "demo", 1_000, 1_000_000
#: Calls whose mean is one number; the first of a process, which compiles the statement, is left out.
CALLS = 50
GOAL = 1.5
_CHUNK = 10_000
#: Uses the databases of a number for a while.
Store = Callable[[int], AbstractContextManager[None]]
_BODY = Envelope("event", "/bench", AuditNoted(actor="ada", action="tested", target="x")).encode()
_START = datetime(2026, 1, 1, tzinfo=UTC)

PAGES: dict[str, tuple[str, Callable[[Unit], Any]]] = {
    "waiting requests": ("orchestration", lambda unit: Approvals(unit, TENANT, utc_now).pending()),
    "tasks": ("orchestration", lambda unit: Tasks(unit, TENANT, utc_now).page()),
    "record": ("audit", lambda unit: Record(unit).newest(TENANT, 0, 51)),
}


def run(bench: Bench) -> Iterable[Figure]:
    """One figure for each list and engine: milliseconds for the first page of 1,000,000 against 1,000."""
    few, many = (FEW, 20_000) if bench.rounds < 4 else (FEW, MANY)
    engines = ["sqlite"] + (["postgres"] if os.environ.get("BIZOSAAS_BENCH_POSTGRES_URL") else [])
    for name in engines:
        with _stores(name, bench.folder) as stores:
            for count in (few, many):
                bench.say(f"{name}: {count:,} rows")
                with stores(count):
                    fill(TENANT, count)
            measured = _in_turn(stores, (few, many), bench.rounds)
        for page in PAGES:
            ours, small = measured[many, page], measured[few, page]
            ratio = sorted(ours)[len(ours) // 2] / sorted(small)[len(small) // 2]
            yield Figure(
                f"first page of {many:,} {page}, {name}", "ms", "less", ours, small, f"of {few:,}",
                f"at most {GOAL} times", ratio <= GOAL, f"{CALLS} calls a round, 50 items",
            )  # fmt: skip


def _in_turn(stores: Store, counts: tuple[int, ...], rounds: int) -> dict[tuple[int, str], tuple[float, ...]]:
    """By rows and page, a mean a round; the counts take turns in each, so that both meet the same noise."""
    found: dict[tuple[int, str], list[float]] = {}
    for _ in range(rounds):
        for page, (context, look) in PAGES.items():
            for count in counts:
                with stores(count):
                    found.setdefault((count, page), []).append(_mean_ms(context, look))
    return {key: tuple(numbers) for key, numbers in found.items()}


def _mean_ms(context: str, look: Callable[[Unit], Any]) -> float:
    unit = Unit(context)
    try:
        look(unit)  # the first compiles the statement and fills the cache
        began = time.perf_counter()
        for _ in range(CALLS):
            look(unit)
        return (time.perf_counter() - began) * 1000 / CALLS
    finally:
        unit.close()


@contextmanager
def _stores(name: str, folder: Path) -> Iterator[Store]:
    """Databases by a number: each, migrated and empty at first, is what this process uses in its `with`. All of them
    are taken away at the end."""
    server = os.environ.get("BIZOSAAS_BENCH_POSTGRES_URL", "")
    made: dict[int, str] = {}

    @contextmanager
    def store(number: int) -> Iterator[None]:
        new = number not in made
        database = made.setdefault(number, f"bench_{uuid4().hex}")
        urls = {context: _url(name, server, database, folder, context) for context in CONTEXTS}
        with _environment({f"BIZOSAAS_{context.upper()}_DATABASE_URL": url for context, url in urls.items()}):
            if new and name == "postgres":
                _admin(server, f'CREATE DATABASE "{database}"')
                for context, url in urls.items():
                    _admin(url, f"CREATE SCHEMA {context}")
            if new:
                migrate_all()
            try:
                yield
            finally:
                for context in CONTEXTS:
                    engine(context).dispose()

    try:
        yield store
    finally:
        for database in made.values() if name == "postgres" else ():
            _admin(server, f'DROP DATABASE "{database}"')


def _url(name: str, server: str, database: str, folder: Path, context: str) -> str:
    if name == "sqlite":
        return f"sqlite:///{folder}/{database}-{context}.db"
    url = make_url(server).set(database=database).update_query_dict({"options": f"-csearch_path={context}"})
    return url.render_as_string(hide_password=False)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in values}
    os.environ |= values
    settings.cache_clear()
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        settings.cache_clear()


def _admin(url: str, statement: str) -> None:
    one = create_engine(url, isolation_level="AUTOCOMMIT")
    with one.connect() as connection:
        connection.execute(text(statement))
    one.dispose()


def fill(tenant: str, count: int) -> None:
    """Give a tenant so many tasks that wait, their requests and their facts on record; and as many tenths that were
    decided, so that not all rows are of one kind. The engines count what they have."""
    _insert("orchestration", "tasks", (_task(tenant, number) for number in range(count)))
    _insert("orchestration", "approvals", (_approval(tenant, number) for number in range(count + count // 10)))
    _insert("orchestration", "outbox", (_outgoing(tenant, number) for number in range(min(count, 10_000))))
    _insert("audit", "record", (_fact(tenant, number) for number in range(count)))
    for context in CONTEXTS:
        with engine(context).connect().execution_options(reading=True, isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def _insert(context: str, name: str, rows: Iterator[dict[str, Any]]) -> None:
    table = importlib.import_module(f"shared.store.{context}").metadata.tables[name]
    unit = Unit(context)
    try:
        while chunk := [row for row, _ in zip(rows, range(_CHUNK), strict=False)]:
            unit.write().execute(insert(table), chunk)
            unit.commit()
    finally:
        unit.close()


def _at(number: int) -> datetime:
    return _START + timedelta(seconds=number * 7919 % 9_999_991)


def _task(tenant: str, number: int) -> dict[str, Any]:
    texts = dict.fromkeys(("description", "expected_output", "cause", "why"), "")
    return texts | {
        "id": f"task-{number}", "tenant": tenant, "type": "rare" if number % 500 == 0 else "order",
        "status": STATUSES[number % len(STATUSES)] if number % 10 == 0 else "awaiting_approval",
        "role": "payment_validator", "queue": "auto_orders", "step": 0, "priority": 5, "data": {"n": number},
        "results": [], "verdict": {}, "cleared": [], "created_by": "ada", "version": 1, "created_at": _at(number),
        "updated_at": _at(number), "ended_at": None,
    }  # fmt: skip


def _approval(tenant: str, number: int) -> dict[str, Any]:
    urgency = tuple(RANKS)[number % 3]
    decided = number % 11 == 10
    texts = dict.fromkeys(("ai_recommendation", "decision", "reviewer", "reviewer_notes"), "")
    return texts | {
        "id": f"request-{number * 104_729 % 1_299_709}", "tenant": tenant, "task_id": f"task-{number}",
        "task_type": "rare" if number % 500 == 0 else "order", "kind": "approval",
        "status": "approved" if decided else "pending", "urgency": urgency, "urgency_rank": RANKS[urgency],
        "triggers": ["high_value"], "reasons": [], "task_data": {"n": number}, "ai_confidence": None,
        "estimated_impact": {}, "context": {}, "action": {}, "action_hash": "0", "policy_version": "0", "step": 0,
        "role": "payment_validator", "notes": {}, "created_at": _at(number),
        "expires_at": _at(number) + timedelta(days=400), "decided_at": _at(number) if decided else None,
        "modified_action": None, "agreement": None,
    }  # fmt: skip


def _outgoing(tenant: str, number: int) -> dict[str, Any]:
    return {
        "id": f"event-{number}", "tenant": tenant, "subject": f"task-{number}", "type": AuditNoted.wire_type(),
        "actor": "ada", "time": _at(number),
        "to_queue": False, "destination": "ai.decisions", "key": "k", "priority": 0,
        "body": _BODY, "sent_at": _at(number) if number % 100 else None,
    }  # fmt: skip


def _fact(tenant: str, number: int) -> dict[str, Any]:
    texts = dict.fromkeys(("correlation", "causation"), "")
    return texts | {
        "tenant": tenant, "position": number + 1, "source": "/bench", "event_id": f"event-{number}", "type": "x",
        "time": _at(number), "actor": "ada", "task_id": f"task-{number // 5}", "data": "{}", "previous": "0" * 64,
        "hash": "0" * 64,
    }  # fmt: skip
