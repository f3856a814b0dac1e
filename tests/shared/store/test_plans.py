"""Pages are read from where they begin in an index: nothing is sorted, nothing is read to be thrown away.

Where a first page costs the same at 1,000 and at 1,000,000 rows is measured by `scripts/benchmarks/pages.py`; here the
engines say how they will read it, with enough rows that they have a choice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from scripts.benchmarks.pages import fill
from shared.coordination.approvals import Approvals, expired
from shared.coordination.record import Record
from shared.coordination.tasks import Tasks
from shared.coordination.timeline import timeline
from shared.coordination.waiting import waiting_requests
from shared.runtime import relay as relaying
from shared.runtime.clock import utc_now
from shared.store.database import Unit, engine

TENANT, ROWS = "demo", 3000
Look = Callable[[Unit], Any]


def approvals(unit: Unit) -> Approvals:
    return Approvals(unit, TENANT, utc_now)


def tasks(unit: Unit) -> Tasks:
    return Tasks(unit, TENANT, utc_now)


def second(look: Callable[..., Any]) -> Look:
    """The page behind the first."""
    return lambda unit: look(unit, look(unit, "").next_cursor)


#: (what is looked at, its database, the index that it is read by)
LOOKS: dict[str, tuple[Look, str, str]] = {
    "waiting requests": (lambda unit: approvals(unit).pending(), "orchestration", "ix_approvals_waiting"),
    "the next waiting requests": (
        second(lambda unit, cursor: approvals(unit).pending(cursor=cursor)), "orchestration", "ix_approvals_waiting"),
    "urgent requests": (lambda unit: approvals(unit).pending(urgency="high"), "orchestration", "ix_approvals_waiting"),
    "the next urgent requests": (
        second(lambda unit, cursor: approvals(unit).pending(urgency="medium", cursor=cursor)),
        "orchestration", "ix_approvals_waiting"),
    "requests of a type": (
        lambda unit: approvals(unit).pending(task_type="rare"), "orchestration", "ix_approvals_waiting_type"),
    "requests that are ranked": (lambda unit: waiting_requests(unit, TENANT), "orchestration", "ix_approvals_waiting"),
    "requests whose time is over": (lambda unit: expired(unit, utc_now()), "orchestration", "ix_approvals_expiry"),
    "tasks": (lambda unit: tasks(unit).page(), "orchestration", "ix_tasks_page"),
    "the next tasks": (second(lambda unit, cursor: tasks(unit).page(cursor=cursor)), "orchestration", "ix_tasks_page"),
    "tasks of a status": (lambda unit: tasks(unit).page(status="failed"), "orchestration", "ix_tasks_status"),
    "the next tasks of a status": (
        second(lambda unit, cursor: tasks(unit).page(status="failed", cursor=cursor, limit=10)),
        "orchestration", "ix_tasks_status"),
    "tasks of a type": (lambda unit: tasks(unit).page(task_type="rare"), "orchestration", "ix_tasks_type"),
    "a task's timeline": (
        lambda unit: timeline(unit, TENANT, "task-7", "", 50), "orchestration", "ix_outbox_subject"),
    "what was not sent": (lambda unit: relaying._claim(unit, utc_now(), 500, ()), "orchestration", "ix_outbox_unsent"),
    "the record": (lambda unit: Record(unit).newest(TENANT, 0, 50), "audit", "record_pkey"),
    "the next of the record": (lambda unit: Record(unit).newest(TENANT, 2000, 50), "audit", "record_pkey"),
    "the record of a task": (lambda unit: Record(unit).of_task(TENANT, "task-7", 0, 50), "audit", "ix_record_task"),
}  # fmt: skip


@pytest.fixture
def unit_of(home: Any) -> Iterator[Callable[[str], Unit]]:
    """Databases with some thousand rows, which the engines have counted."""
    fill(TENANT, ROWS)
    units: list[Unit] = []

    def open_unit(context: str) -> Unit:
        units.append(Unit(context))
        return units[-1]

    yield open_unit
    for unit in units:
        unit.close()


def last_statement(context: str, act: Callable[[], Any]) -> tuple[str, Any]:
    """The last SELECT that an act sent, as the driver had it."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if statement.lstrip().startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(engine(context), "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine(context), "before_cursor_execute", note)
    return seen[-1]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def check_postgres(connection: Connection, statement: str, parameters: Any, index: str) -> None:
    (row,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    document = row[0] if isinstance(row[0], list) else json.loads(row[0])
    found = list(nodes(document[0]["Plan"]))
    kinds = [node["Node Type"] for node in found]
    assert index in [node.get("Index Name") for node in found], document
    assert not [kind for kind in kinds if kind == "Seq Scan" or "Sort" in kind], document


def check_sqlite(connection: Connection, statement: str, parameters: Any, index: str) -> None:
    steps = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    named = index if index != "record_pkey" else "sqlite_autoindex_record_1"
    assert any(named in step and step.startswith(("SEARCH", "SCAN outbox")) for step in steps), steps
    assert not [step for step in steps if "TEMP B-TREE" in step or ("SCAN" in step and named not in step)], steps


@pytest.mark.timeout(240)
def test_every_page_is_read_from_its_index_in_its_order(unit_of: Callable[[str], Unit]) -> None:
    """One test for all, since the rows are made once."""
    wrong = {}
    for name, (look, context, index) in LOOKS.items():
        unit = unit_of(context)
        statement, parameters = last_statement(context, lambda look=look, unit=unit: look(unit))  # type: ignore[misc]  # mypy has no type for a lambda's defaults
        check = check_postgres if unit.many_writers else check_sqlite
        try:
            check(unit.read(), statement, parameters, index)
        except AssertionError as error:
            wrong[name] = str(error)[:1500]
        unit.close()
    assert not wrong, "\n\n".join(f"{name}: {why}" for name, why in wrong.items())


def test_pages_show_every_waiting_request_once_in_order(unit_of: Callable[[str], Unit]) -> None:
    """The keyset's comparison of rows against the whole list, sorted here."""
    unit = unit_of("orchestration")
    shown: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = approvals(unit).pending(cursor=cursor, limit=170)
        shown += page.items
        cursor = page.next_cursor
    ranks = {"high": 0, "medium": 1, "low": 2}
    assert len({one.id for one in shown}) == len(shown) == ROWS
    assert shown == sorted(shown, key=lambda one: (ranks[one.urgency], one.created_at, one.id))
    assert unit.read().execute(text("SELECT count(*) FROM approvals")).scalar_one() > ROWS
    assert shown[0].created_at < utc_now() + timedelta(days=1)
