"""The record is append-only in effect: whatever is changed, taken out, put in or moved is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.coordination.record import Entry, Head, Record
from shared.store.database import Unit

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def entry(number: int, tenant: str = "demo") -> Entry:
    at = NOW + timedelta(seconds=number)
    return Entry(tenant, "/s", f"e-{number}", "T", at, "ada", "t-1", "c", "", f'{{"n":{number}}}')


@pytest.fixture
def record(home: Path) -> Record:
    assert home
    record = Record(Unit("audit"))
    for number in range(5):
        record.add(entry(number))
        record.add(entry(number, "other"))
    record.unit.commit()
    return record


def test_a_sound_chain_has_no_fault(record: Record) -> None:
    assert list(record.faults("demo")) == list(record.faults("other")) == []
    assert record.length("demo") == 5


def test_a_fact_with_another_offset_is_as_sound(record: Record) -> None:
    """The database keeps the moment and no offset."""
    at = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    record.add(replace(entry(5), time=at))
    record.unit.commit()
    assert list(record.faults("demo")) == []


def test_a_chain_that_is_longer_than_what_is_read_at_a_time_is_checked_whole(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.coordination.record._CHECKED_AT_ONCE", 2)
    assert list(record.faults("demo")) == []
    record.unit.write().execute(text("UPDATE record SET actor = 'eve' WHERE position IN (3, 5) AND tenant = 'demo'"))
    record.unit.commit()
    assert [fault.split(" (")[0] for fault in record.faults("demo")] == ["demo: row 3", "demo: row 5"]


def test_a_fact_is_recorded_once(record: Record) -> None:
    for number in (3, 5, 5):
        record.add(entry(number))
    record.unit.commit()
    assert record.length("demo") == 6
    assert list(record.faults("demo")) == []


def test_rows_of_a_task_come_in_order_and_of_the_own_tenant(record: Record) -> None:
    assert [row.event_id for row in record.of_task("demo", "t-1", 0, 10)] == [f"e-{n}" for n in range(5)]
    assert record.of_task("third", "t-1", 0, 10) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_a_chain_is_checked_part_by_part(record: Record, limit: int) -> None:
    """Whatever the size of a part, the same is found as at once; the last part says that nothing follows."""
    assert parts(record, limit) == (5, [])
    record.unit.write().execute(text("UPDATE record SET hash = '' WHERE tenant = 'demo' AND position = 2"))
    record.unit.write().execute(text("DELETE FROM record WHERE tenant = 'demo' AND position = 5"))
    record.unit.commit()
    assert parts(record, limit) == (4, list(record.faults("demo")))
    assert len(parts(record, limit)[1]) == 3


def parts(record: Record, limit: int) -> tuple[int, list[str]]:
    """Up to where the chain was checked, and all that was found."""
    checked = record.check("demo", None, limit)
    faults = checked.faults
    while checked.more:
        checked = record.check("demo", checked.upto, limit)
        faults += checked.faults
    return checked.upto, faults


def test_facts_that_come_in_while_the_chain_is_checked_are_no_fault(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the rows and looking at the head a fact is added: it is what follows."""
    other = Record(Unit("audit"))
    real, numbers = Record._head, iter((50, 51))

    def slow(self: Record, tenant: str) -> Head:
        if self is record and (number := next(numbers, None)):
            other.add(entry(number))
            other.unit.commit()
        return real(self, tenant)

    monkeypatch.setattr(Record, "_head", slow)
    assert list(record.faults("demo")) == []
    assert record.length("demo") == 7


def test_rows_follow_a_position_in_order(record: Record) -> None:
    assert [row.position for row in record.after("demo", 2, 2)] == [3, 4]
    assert record.after("demo", 5, 2) == []


@pytest.mark.parametrize(
    ("tampering", "words"),
    [
        ("UPDATE record SET data = '{}' WHERE position = 3", "row 3 (T, e-2) was changed"),
        ("UPDATE record SET actor = 'eve' WHERE position = 1", "row 1 (T, e-0) was changed"),
        ("UPDATE record SET time = time + 1 WHERE position = 2", "row 2 (T, e-1) was changed"),
        ("UPDATE record SET time = 9000000000000000000 WHERE position = 2", "row 2 (T, e-1) was changed"),
        ("UPDATE record SET hash = '' WHERE position = 5", "row 5 (T, e-4) was changed"),
        ("DELETE FROM record WHERE position = 3", "rows 3 to 3 are missing"),
        ("DELETE FROM record WHERE position = 5", "ends at row 4"),
        ("DELETE FROM record", "ends at row 0"),
        ("UPDATE record SET position = 9 WHERE position = 5", "rows 5 to 8 are missing"),
        ("UPDATE record SET position = -position WHERE position IN (2, 3);"
         "UPDATE record SET position = CASE position WHEN -2 THEN 3 ELSE 2 END WHERE position < 0",
         "does not follow the row before it"),
        ("UPDATE heads SET position = 4", "ends at row 5"),
    ],
)  # fmt: skip
def test_tampering_is_found_and_the_other_tenants_chain_stays_sound(record: Record, tampering: str, words: str) -> None:
    connection = record.unit.write()
    for statement in tampering.split(";"):
        connection.execute(text(f"{statement} {'AND' if 'WHERE' in statement else 'WHERE'} tenant = 'demo'"))
    record.unit.commit()
    assert words in "\n".join(record.faults("demo"))
    assert list(record.faults("other")) == []


@pytest.mark.stores("sqlite")
@pytest.mark.parametrize("change", ["time = 'soon'", "data = x'ff'"])
def test_a_value_of_another_kind_that_sqlite_would_keep_is_found(record: Record, change: str) -> None:
    record.unit.write().execute(text(f"UPDATE record SET {change} WHERE position = 2 AND tenant = 'demo'"))
    record.unit.commit()
    assert "row 2 (T, e-1) was changed" in "\n".join(record.faults("demo"))
