"""The past of an order is looked up by indexes: its cost must not grow with the square of a shop's orders."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from shared.coordination.order_queries import emails
from shared.store.database import Unit


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
