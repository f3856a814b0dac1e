"""Tasks: what may become of one, and where they are kept.

    queued -> running -> queued (next role) ... -> completed
       \\________\\______-> awaiting_approval -> queued | completed | rejected | failed
    any that has not ended -> cancelled

Every change is a compare-and-set on `version`: two that change one task at once cannot both win.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from shared.coordination.pages import Cursor, Page, before
from shared.errors import Conflict, NotFound
from shared.store.database import Unit
from shared.store.orchestration import tasks as table

STATUSES = ("queued", "running", "awaiting_approval", "completed", "rejected", "failed", "cancelled")
ENDED = frozenset({"completed", "rejected", "failed", "cancelled"})
#: From a status to the statuses that may follow it.
MOVES: Mapping[str, frozenset[str]] = {
    "queued": frozenset({"queued", "running", "awaiting_approval", "completed", "failed", "cancelled"}),
    "running": frozenset({"queued", "running", "awaiting_approval", "completed", "failed", "cancelled"}),
    "awaiting_approval": frozenset({"queued", "awaiting_approval", "completed", "rejected", "failed", "cancelled"}),
    **{status: frozenset() for status in ENDED},
}


@dataclass(frozen=True)
class Task:
    """One task of one tenant. `results` has one entry for each role that worked; `cleared` what humans approved."""

    id: str
    tenant: str
    type: str
    status: str
    role: str
    queue: str
    data: Mapping[str, Any]
    verdict: Mapping[str, Any]
    created_by: str
    created_at: datetime
    updated_at: datetime
    step: int = 0
    priority: int = 0
    description: str = ""
    expected_output: str = ""
    results: tuple[Mapping[str, Any], ...] = ()
    cleared: tuple[Mapping[str, Any], ...] = ()
    cause: str = ""
    why: str = ""
    version: int = 1
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def asked(self) -> dict[str, str]:
        """What its submitter said in words of what is wanted; {} for nothing."""
        said = {"description": self.description, "expected_output": self.expected_output}
        return {name: text for name, text in said.items() if text}

    @property
    def cleared_reasons(self) -> frozenset[str]:
        """The fingerprints of the reasons that a human has approved."""
        return frozenset(reason for entry in self.cleared for reason in entry.get("reasons", ()))

    def result_of(self, role: str) -> Mapping[str, Any] | None:
        """What a role found, the newest time it worked."""
        return next((entry for entry in reversed(self.results) if entry["role"] == role), None)


_FIELDS = tuple(column.name for column in table.columns)

# Every step of every task runs these: made once, since making a statement costs more than running it.
_ONE = select(table).where(table.c.id == bindparam("task"), table.c.tenant == bindparam("of"))
_HELD = _ONE.with_for_update()
_ADD = insert(table)
# What is set is what is handed over beside these names: the columns that change.
_MARK = update(table).where(
    table.c.id == bindparam("task"), table.c.version == bindparam("was"), table.c.status == "queued"
)
_CHANGE = (
    update(table)
    .where(table.c.id == bindparam("task"), table.c.tenant == bindparam("of"), table.c.version == bindparam("was"))
    .where(table.c.status.in_([bindparam("stands"), bindparam("or_stands")]))
)


@dataclass
class Tasks:
    """The tasks of one tenant."""

    unit: Unit
    tenant: str
    now: Callable[[], datetime]

    def get(self, task_id: str) -> Task:
        """One task. Raises `NotFound`, for a foreign tenant's too."""
        row = self.unit.read().execute(_ONE, {"task": task_id, "of": self.tenant}).first()
        if row is None:
            raise NotFound(f"no task has the id {task_id!r}")
        return _task(row)

    def hold(self, task_id: str) -> Task:
        """As `get`, and nobody else changes the task, or the requests about it, until the transaction's end. Who
        needs both a task and its requests holds the task first. Raises `NotFound`."""
        row = self.unit.write().execute(_HELD, {"task": task_id, "of": self.tenant}).first()
        if row is None:
            raise NotFound(f"no task has the id {task_id!r}")
        return _task(row)

    def add(self, task: Task) -> None:
        """Keep a new task."""
        values = {name: getattr(task, name) for name in _FIELDS}
        values |= {"results": list(task.results), "cleared": list(task.cleared)}
        self.unit.write().execute(_ADD, values)

    def change(self, task: Task, status: str, **changes: Any) -> Task:
        """Move a task on. Raises `Conflict` when the move is not allowed or the task changed since it was read."""
        if status not in MOVES[task.status]:
            raise Conflict(f"the task is {task.status}: it cannot become {status}")
        now = self.now()
        ended = now if status in ENDED else None
        moved = {"status": status, "version": task.version + 1, "updated_at": now, "ended_at": ended, **changes}
        key = {"task": task.id, "of": self.tenant, "was": task.version, "stands": task.status}
        key["or_stands"] = "running" if task.status == "queued" else task.status
        if self.unit.write().execute(_CHANGE, {**moved, **key}).rowcount != 1:
            raise Conflict("the task changed meanwhile; look at it again")
        return replace(task, **moved)

    def mark_running(self, task: Task) -> None:
        """Show that a role works on it. Seen at once, durable with the next commit; no version is spent."""
        self.unit.rest()
        unit = Unit(self.unit.context)
        try:
            values = {"task": task.id, "was": task.version, "status": "running", "updated_at": self.now()}
            unit.write(relaxed=True).execute(_MARK, values)
            unit.commit()
        finally:
            unit.close()

    def page(self, *, status: str = "", task_type: str = "", cursor: str = "", limit: int = 50) -> Page[Task]:
        """Tasks, newest first. Raises `Invalid` for a cursor that is not one."""
        query = select(table).where(table.c.tenant == self.tenant)
        if status:
            query = query.where(table.c.status == status)
        if task_type:
            query = query.where(table.c.type == task_type)
        if cursor:
            at, last = Cursor.read(cursor)
            query = query.where(before((table.c.created_at, at), (table.c.id, last)))
        query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit + 1)
        rows = [_task(row) for row in self.unit.read().execute(query)]
        return Page.of(rows, limit, lambda task: Cursor.write(task.created_at, task.id))


def _task(row: Row[Any]) -> Task:
    values = dict(row._mapping)
    return Task(**values | {"results": tuple(values["results"]), "cleared": tuple(values["cleared"])})
