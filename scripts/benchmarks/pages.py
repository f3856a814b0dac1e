"""What the first page of a long list costs: the waiting requests, the tasks and the record of a tenant at 1,000,000
rows, beside the same at 1,000, on SQLite and on PostgreSQL.

Each is the call that its function makes, 50 items; the ratio is to be near 1. Where PostgreSQL is not installed SQLite
alone is measured.
"""

from __future__ import annotations

import importlib
import itertools
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from events.envelope import Envelope
from events.orchestration import AuditNoted
from scripts.benchmarks.measure import Bench, Figure
from scripts.benchmarks.real import engines, new_databases
from shared.coordination.approvals import RANKS, Approvals
from shared.coordination.record import Record
from shared.coordination.tasks import STATUSES, Tasks
from shared.runtime.clock import utc_now
from shared.settings import CONTEXTS, settings
from shared.store.database import Unit, engine
from shared.store.migrate import migrate_all

TENANT, FEW, QUICK, MANY = "demo", 1_000, 100_000, 1_000_000
#: Calls whose median is one number; the first of a process, which compiles the statement, is left out.
CALLS = 50
GOAL = 1.5
_BODY = Envelope("event", "/bench", AuditNoted(actor="ada", action="tested", target="x")).encode()
_START = datetime(2026, 1, 1, tzinfo=UTC)

PAGES: dict[str, tuple[str, Callable[[Unit], Any]]] = {
    "waiting requests": ("orchestration", lambda unit: Approvals(unit, TENANT, utc_now).pending()),
    "tasks": ("orchestration", lambda unit: Tasks(unit, TENANT, utc_now).page()),
    "record": ("audit", lambda unit: Record(unit).newest(TENANT, 0, 51)),
}


def run(bench: Bench) -> Iterable[Figure]:
    """One figure for each list and engine: milliseconds for the first page of 1,000,000 against 1,000."""
    yield from _measure(bench, "sqlite", partial(_in_files, bench.folder))
    with engines(bench, ("postgres",)) as real:
        server = real.url("postgres")
        yield from _measure(bench, "postgres", lambda _number: new_databases(server))


def _measure(bench: Bench, name: str, settings_of: Callable[[int], dict[str, str]]) -> Iterator[Figure]:
    """`settings_of` makes new databases and gives the settings that name them."""
    many = QUICK if bench.rounds < 4 else MANY
    stores = {count: settings_of(count) for count in (FEW, many)}
    began = time.monotonic()
    for count, store in stores.items():
        bench.say(f"pages: {name}, writing {count:,} rows each of requests, tasks and facts")
        with _environment(store):
            migrate_all()
            fill(TENANT, count)
    took = time.monotonic() - began
    bench.say(f"pages: {name}, reading")
    measured = _in_turn(stores, bench.rounds)
    how = f"median of {CALLS} calls a round, 50 items, the sizes in turn; the rows were written in {took:.0f} s"
    for page in PAGES:
        ours, small = measured[many, page], measured[FEW, page]
        ratio = statistics.median(ours) / statistics.median(small)
        yield Figure(
            f"first page of {many:,} {page}, {name}", "ms", "less", ours, small, f"of {FEW:,}",
            f"at most {GOAL} times", ratio <= GOAL, how,
        )  # fmt: skip


def _in_files(folder: Path, number: int) -> dict[str, str]:
    return {f"BIZOSAAS_{name.upper()}_DATABASE_URL": f"sqlite:///{folder}/{number}-{name}.db" for name in CONTEXTS}


def _in_turn(stores: Mapping[int, Mapping[str, str]], rounds: int) -> dict[tuple[int, str], tuple[float, ...]]:
    """By rows and page, a number a round; the counts take turns, and in being first: both meet the same noise."""
    found: dict[tuple[int, str], list[float]] = {}
    for number in range(rounds):
        for page, (context, look) in PAGES.items():
            for count in sorted(stores, reverse=bool(number % 2)):
                with _environment(stores[count]):
                    found.setdefault((count, page), []).append(_median_ms(context, look))
    return {key: tuple(numbers) for key, numbers in found.items()}


def _median_ms(context: str, look: Callable[[Unit], Any]) -> float:
    unit = Unit(context)
    took = []
    try:
        look(unit)  # the first compiles the statement and fills the cache
        for _ in range(CALLS):
            began = time.perf_counter()
            look(unit)
            took.append(time.perf_counter() - began)
        return statistics.median(took) * 1000
    finally:
        unit.close()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Use the databases that these settings name, for a while."""
    kept = {name: os.environ.get(name) for name in values}
    os.environ |= values
    settings.cache_clear()
    try:
        yield
    finally:
        for context in CONTEXTS:
            engine(context).dispose()
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        settings.cache_clear()


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
    """Straight into the table: each value as the engine's driver takes it, made by the column's own type."""
    table = importlib.import_module(f"shared.store.{context}").metadata.tables[name]
    first = next(rows)
    columns = [table.c[key] for key in first]
    dialect = engine(context).dialect
    raw = [column.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is for column in columns]
    written = (
        [make(value) for make, value in zip(raw, row.values(), strict=True)] for row in itertools.chain([first], rows)
    )
    names = ", ".join(f'"{column.name}"' for column in columns)
    with closing(engine(context).raw_connection()) as connection:
        _write(connection.driver_connection, f"{table.name} ({names})", len(columns), written)


def _as_it_is(value: Any) -> Any:
    return value


def _write(connection: Any, into: str, width: int, rows: Iterable[list[Any]]) -> None:
    """All of it at once: what is not finished is thrown away with its database, so nothing waits for a disk."""
    if not isinstance(connection, sqlite3.Connection):
        with connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()
        return
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")  # kibibytes: the keys come in no order
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO {into} VALUES ({', '.join('?' * width)})", rows)
    connection.execute("COMMIT")


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
