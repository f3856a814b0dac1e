"""The figures of the human side count what happened, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.coordination.approvals import Approval, Approvals
from shared.coordination.metrics import dashboard, hitl_metrics
from shared.coordination.tasks import Task, Tasks
from shared.store.database import Unit

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TASK = Task("t", "demo", "order", "queued", "payment_validator", "auto_orders", {}, {}, "ada", NOW, NOW)


def request(task_id: str, opened: datetime, **more: Any) -> Approval:
    one = Approval(
        f"r-{task_id}", "demo", task_id, "order", "approval", "low", ["high_value_transaction"], [], {}, "", None, {},
        {}, {"do": "work"}, "h", "p", 0, "payment_validator", opened, opened + timedelta(hours=24),
    )  # fmt: skip
    return replace(one, **more)


def test_only_work_that_was_completed_without_a_human_is_automated(home: Path) -> None:
    """Of eight tasks of today two were done by roles alone and two stopped; one was cancelled, one failed, one is
    queued, one is worked on. Yesterday's count for the last 24 hours only."""
    assert home
    unit = Unit("orchestration")
    tasks, approvals = Tasks(unit, "demo", lambda: NOW), Approvals(unit, "demo", lambda: NOW)
    kinds = ("completed", "completed", "cancelled", "failed", "queued", "running", "completed", "awaiting_approval")
    for number, status in enumerate(kinds):
        tasks.add(replace(TASK, id=f"t-{number}", status=status, created_at=NOW - timedelta(hours=1)))
    tasks.add(replace(TASK, id="yesterday", status="completed", created_at=NOW - timedelta(hours=20)))
    tasks.add(replace(TASK, id="foreign", tenant="other", status="completed"))
    approvals.open(request("t-6", NOW - timedelta(minutes=40)))
    approvals.decide(approvals.get("r-t-6"), "approve", "grace", "", None, None)
    approvals.open(request("t-7", NOW - timedelta(minutes=5)))
    unit.commit()

    assert dashboard(unit, "demo", NOW, "UTC") == {
        "total_tasks_today": 8,
        "auto_processed": 2,
        "hitl_required": 2,
        "automation_rate": 0.5,
        "pending_by_priority": {"high": 0, "medium": 0, "low": 1},
        "avg_decision_time_minutes": 40,
        "top_triggers": [{"trigger": "high_value_transaction", "count": 2}],
    }
    assert hitl_metrics(unit, "demo", NOW) == {
        "pending_requests": 1,
        "completed_24h": 1,
        "urgency_breakdown": {"high": 0, "medium": 0, "low": 1},
        "average_response_time": 40,
        "approval_rate": 1,
        "automation_rate": 3 / 5,
    }


def test_where_nothing_was_done_there_is_no_rate(home: Path) -> None:
    assert home
    unit = Unit("orchestration")
    Tasks(unit, "demo", lambda: NOW).add(TASK)
    unit.commit()
    assert dashboard(unit, "demo", NOW, "UTC")["automation_rate"] is None
