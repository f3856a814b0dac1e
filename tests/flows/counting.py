"""The counting at the end of a flow: from the databases, not from memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from events.envelope import decode
from events.topology import QUEUES, TOPICS
from shared.coordination.tasks import ENDED
from shared.objects import open_objects
from shared.objects.claim import fetch_data
from shared.settings import CONTEXTS
from tests.flows.platform import ROOT, Platform


def count(platform: Platform, accepted: Iterable[str] = ()) -> None:
    """Wait until nothing is on its way, then check that nothing was lost and nothing doubled. `accepted` are the
    ids of all tasks that were promised to a caller."""
    platform.quiet()
    tasks = _tasks(platform)
    assert set(accepted) <= tasks.keys(), "an accepted task is gone"
    _no_work_of_theirs_died(platform, tasks)
    _each_ended_or_waits_in_one_request(platform, tasks)
    _each_step_was_done_once(tasks)
    _each_fact_is_on_record_once(platform, tasks)
    _nobody_was_told_twice(platform)


def _tasks(platform: Platform) -> dict[str, dict[str, Any]]:
    columns = ("id", "status", "results", "ended_at", "cause", "data")
    rows = platform.rows("orchestration", f"SELECT {', '.join(columns)} FROM tasks")
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def _no_work_of_theirs_died(platform: Platform, tasks: Iterable[str]) -> None:
    """What rests in a dead-letter queue is none of a task that is there."""
    with platform.bus() as bus:
        dead = [letter for origin in (*QUEUES, *TOPICS) for letter in bus.dead_letters(origin, 500).items]
    theirs = [letter for letter in dead if any(task.encode() in letter.message.body for task in tasks)]
    assert not theirs, [(letter.origin, letter.reason) for letter in theirs]


def _each_ended_or_waits_in_one_request(platform: Platform, tasks: dict[str, dict[str, Any]]) -> None:
    waiting = Counter(
        row[0] for row in platform.rows("orchestration", "SELECT task_id FROM approvals WHERE status = 'pending'")
    )
    for task_id, task in tasks.items():
        if task["status"] in ENDED:
            assert task["ended_at"], f"{task_id} ended at no time"
            assert not waiting[task_id], f"{task_id} ended and somebody is still asked about it"
        else:
            assert task["status"] == "awaiting_approval", f"{task_id} is left {task['status']}"
            assert waiting[task_id] == 1, f"{task_id} waits in {waiting[task_id]} requests"


def _each_step_was_done_once(tasks: dict[str, dict[str, Any]]) -> None:
    for task_id, task in tasks.items():
        steps = [result["step"] for result in json.loads(task["results"])]
        assert len(steps) == len(set(steps)), f"{task_id} has steps twice: {steps}"


def facts(platform: Platform) -> list[tuple[str, str, str, Any]]:
    """Every fact that was committed: (tenant, source, id, event)."""
    found = []
    stored = open_objects(f"file://{platform.home / 'objects'}")
    for context in CONTEXTS:
        for (body,) in platform.rows(context, "SELECT body FROM outbox WHERE to_queue = 0"):
            envelope = decode(fetch_data(body, stored))
            found.append((envelope.tenant, envelope.source, envelope.id, envelope.event))
    return found


def _each_fact_is_on_record_once(platform: Platform, tasks: dict[str, dict[str, Any]]) -> None:
    committed = facts(platform)
    recorded = Counter(platform.rows("audit", "SELECT tenant, source, event_id FROM record"))
    missing = [fact for fact in committed if recorded[fact[:3]] != 1]
    assert not missing, f"committed and not on record once: {missing[:3]}"
    assert sum(recorded.values()) == len(committed), "the record tells what was never committed"
    said = Counter((type(event).__name__, event.about()) for *_, event in committed)
    for task_id, task in tasks.items():
        assert said["TaskSubmitted", task_id] == 1
        assert said["TaskEnded", task_id] == (task["status"] in ENDED)
    _verified(platform)


def _verified(platform: Platform) -> None:
    verify = [sys.executable, "-m", "scripts.audit_verify", "--home", str(platform.home)]
    said = subprocess.run(verify, cwd=ROOT, env=platform.variables(), capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr


def _nobody_was_told_twice(platform: Platform) -> None:
    query = "SELECT tenant, about, kind FROM messages"
    told = Counter(platform.rows("orchestration", query))
    assert all(times == 1 for times in told.values()), told
