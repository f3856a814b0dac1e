"""A task moves only along its allowed moves, one change at a time, and stays its tenant's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from shared.coordination.tasks import ENDED, MOVES, STATUSES, Task, Tasks
from shared.errors import Conflict, Invalid, NotFound
from shared.store.database import Unit

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_task(task_id: str = "t-1", tenant: str = "demo", at: datetime = NOW, status: str = "queued") -> Task:
    return Task(
        id=task_id,
        tenant=tenant,
        type="order",
        status=status,
        role="payment_validator",
        queue="auto_orders",
        data={"amount": "1.00"},
        verdict={},
        created_by="u",
        created_at=at,
        updated_at=at,
    )


@pytest.fixture
def tasks(home: Path) -> Tasks:
    assert home
    return Tasks(Unit("orchestration"), "demo", lambda: NOW)


def test_a_task_is_kept_and_found_as_it_was(tasks: Tasks) -> None:
    tasks.add(a_task())
    assert tasks.get("t-1") == a_task()


def test_a_foreign_tenants_task_is_not_there(tasks: Tasks) -> None:
    tasks.add(a_task())
    foreign = Tasks(tasks.unit, "other", tasks.now)
    with pytest.raises(NotFound):
        foreign.get("t-1")
    with pytest.raises(Conflict):
        foreign.change(a_task(tenant="other"), "running")
    assert foreign.page().items == []


def test_of_two_who_change_one_task_the_second_is_told(tasks: Tasks) -> None:
    tasks.add(a_task())
    seen = tasks.get("t-1")
    tasks.change(seen, "awaiting_approval")
    with pytest.raises(Conflict):
        tasks.change(seen, "completed")


def test_a_task_shown_as_running_can_still_be_changed_by_who_read_it_as_queued(tasks: Tasks) -> None:
    tasks.add(a_task())
    tasks.unit.commit()
    seen = tasks.get("t-1")
    tasks.mark_running(seen)
    assert tasks.get("t-1").status == "running"
    assert tasks.change(seen, "completed").version == 2


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_only_the_moves_of_the_table_are_allowed(tasks: Tasks, before: str, after: str) -> None:
    tasks.add(a_task(status=before))
    seen = tasks.get("t-1")
    if after in MOVES[before]:
        assert tasks.change(seen, after).status == tasks.get("t-1").status == after
        assert (tasks.get("t-1").ended_at is not None) == (after in ENDED)
    else:
        with pytest.raises(Conflict, match="cannot become"):
            tasks.change(seen, after)


def test_nothing_follows_an_end() -> None:
    assert all(MOVES[status] == frozenset() for status in ENDED)


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 5))
def test_pages_show_every_task_once_newest_first(tasks: Tasks, minutes: list[int], limit: int) -> None:
    tasks.unit.close()
    for number, minute in enumerate(minutes):
        tasks.add(a_task(f"t-{number}", at=NOW + timedelta(minutes=minute)))
    shown, cursor = [], ""
    while True:
        page = tasks.page(cursor=cursor, limit=limit)
        shown += page.items
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert sorted(task.id for task in shown) == sorted(f"t-{number}" for number in range(len(minutes)))
    assert [task.created_at for task in shown] == sorted((task.created_at for task in shown), reverse=True)
    tasks.unit.close()


@pytest.mark.parametrize("cursor", ["x", "====", "MTIz", "OTk5OTk5OTk5OTk5OTk5OTk5OmE="])
def test_a_cursor_that_is_none_is_named(tasks: Tasks, cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        tasks.page(cursor=cursor)
