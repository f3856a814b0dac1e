"""The past of an order is looked up by indexes: its cost must not grow with the square of a shop's orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.dialects import sqlite

from shared.coordination import order_history as module
from shared.coordination.history import History
from shared.coordination.order_history import order_history
from shared.coordination.order_queries import emails
from shared.coordination.tasks import Task
from shared.store.database import Unit, engine
from shared.tools.fraud_history import History as Past

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


@pytest.mark.stores("sqlite")
def test_the_addresses_that_share_a_key_are_found_by_their_task(home: Path) -> None:
    unit = Unit("orchestration")
    try:
        at = datetime.now(UTC)
        query = emails(("card", "address")).params(of="demo", order="o-1", until=at, month=at)
        plain = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in unit.read().execute(text(f"EXPLAIN QUERY PLAN {plain}"))]
    finally:
        unit.close()
    (lookup,) = [step for step in plan if step.startswith("SEARCH m ")]
    assert "COVERING INDEX ix_task_keys_task (tenant=? AND task_id=? AND kind=?)" in lookup


def shop(home: Path, orders: int) -> dict[str, Any]:
    """So many orders in the store, of ten customers; the next one."""
    unit = Unit("orchestration")
    history = History(unit, "demo", lambda: NOW)
    for number in range(orders + 1):
        order = {
            "order_id": f"o-{number}", "amount": "10.00", "currency": "EUR", "email": f"c{number % 10}@example.org",
            "device_id": f"d-{number % 20}", "customer_id": f"c-{number % 10}", "card_fingerprint": f"f-{number % 30}",
        }  # fmt: skip
        at = NOW - timedelta(minutes=orders - number)
        if number < orders:
            history.remember(
                Task(f"t-{number}", "demo", "order", "completed", "x", "auto_orders", order, {}, "s", at, at)
            )
    unit.commit()
    unit.close()
    return order


def looked_up(order: dict[str, Any], at: datetime = NOW) -> Past:
    unit = Unit("orchestration")
    try:
        return order_history(unit, "demo", at, order)
    finally:
        unit.close()


@pytest.mark.stores("postgres")
def test_a_database_without_statistics_reads_no_key_again_for_each_order(home: Path) -> None:
    """A new database has none for its first minute, and counted 1,000 orders in two seconds each."""
    order = shop(home, 300)
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        seen.append((statement, given))

    event.listen(engine("orchestration"), "before_cursor_execute", note)
    looked_up(order)
    event.remove(engine("orchestration"), "before_cursor_execute", note)
    unit = Unit("orchestration")
    try:
        assert unit.read().execute(text("SELECT count(*) FROM pg_stats WHERE tablename = 'task_keys'")).scalar() == 0
        for statement, given in seen:
            ((plan,),) = unit.read().exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given).all()
            read = sum(_rows_read(node) for node in _nodes(plan[0]["Plan"]))
            assert read < 300 * 40, (read, statement)
    finally:
        unit.close()


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _rows_read(node: dict[str, Any]) -> float:
    left = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    return float(node["Actual Loops"] * (node["Actual Rows"] + left))


def usual_orders(past: Past) -> float | None:
    """Of one device in 30 days."""
    return next(each.rate for each in past.activity if (each.key, each.window) == ("device", "30d"))


def test_what_is_usual_at_a_large_tenant_is_counted_once_a_minute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a small one with every order: the next order's own keys count at once at both."""
    order = shop(home, 50)
    small = looked_up(order)
    monkeypatch.setattr(module, "MANY_ORDERS", 50)
    assert looked_up(order) == small
    unit = Unit("orchestration")
    more = {**order, "order_id": "o-more"}
    History(unit, "demo", lambda: NOW).remember(
        Task("t-more", "demo", "order", "completed", "x", "auto_orders", more, {}, "s", NOW, NOW)
    )
    unit.commit()
    unit.close()
    soon = looked_up(order, NOW + timedelta(seconds=59))
    later = looked_up(order, NOW + timedelta(seconds=60))
    assert usual_orders(soon) == usual_orders(small) == 50 / 20
    assert usual_orders(later) == 51 / 20
    assert len(soon.amounts) == len(later.amounts) == len(small.amounts) + 1
