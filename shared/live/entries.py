"""What the live view shows of a fact: entries of three streams.

agents        a role is given a task, begins, completed it or failed
approvals     a request opened, was prepared, decided, expired, or was withdrawn with its cancelled task
coordination  a task came in, went to a role, ended
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from events import orchestration as facts
from events.event import Event

Stream = Literal["agents", "approvals", "coordination"]
STREAMS: tuple[Stream, ...] = ("agents", "approvals", "coordination")


class Entry(NamedTuple):
    """One thing to show: what happened (`kind`) and JSON values."""

    stream: Stream
    kind: str
    data: Mapping[str, Any]


def entries_of(event: Event) -> Iterable[Entry]:
    """What to show of a fact; nothing of one that no stream is about."""
    show = _SHOWN.get(type(event))
    return show(event) if show else ()


def began(task_id: str, task_type: str, role: str, step: int) -> Entry:
    """A role begins: told by the role itself, since no fact tells of a beginning."""
    return Entry("agents", "began", {"task_id": task_id, "task_type": task_type, "role": role, "step": step})


def _some(event: Event, *names: str) -> dict[str, Any]:
    return event.model_dump(mode="json", include=set(names))


def _submitted(event: facts.TaskSubmitted) -> Iterable[Entry]:
    names = ("task_id", "task_type", "role", "escalated", "triggers", "urgency")
    yield Entry("coordination", "submitted", _some(event, *names))


def _assigned(event: facts.TaskAssigned) -> Iterable[Entry]:
    yield Entry("coordination", "handed_over", _some(event, "task_id", "task_type", "role", "queue", "step", "cleared"))
    yield Entry("agents", "assigned", _some(event, "task_id", "task_type", "role", "step"))


def _completed(event: facts.AgentCompleted) -> Iterable[Entry]:
    what = ("task_id", "task_type", "role", "step", "outcome", "confidence", "next_role", "waits_for_human")
    yield Entry("agents", "completed", _some(event, *what, "engine", "engine_reason"))


def _failed(event: facts.AgentFailed) -> Iterable[Entry]:
    yield Entry("agents", "failed", _some(event, "task_id", "role", "step", "error"))


def _ended(event: facts.TaskEnded) -> Iterable[Entry]:
    yield Entry("coordination", "ended", _some(event, "task_id", "task_type", "status"))
    if event.status == "cancelled":
        yield Entry("approvals", "withdrawn", _some(event, "task_id", "task_type"))


def _requested(event: facts.HITLRequested) -> Iterable[Entry]:
    names = ("request_id", "task_id", "task_type", "kind", "urgency", "triggers", "expires_at")
    yield Entry("approvals", "opened", _some(event, *names))


def _prepared(event: facts.HITLPrepared) -> Iterable[Entry]:
    yield Entry("approvals", "prepared", _some(event, "request_id", "task_id", "rank", "suggested_reviewer"))


def _decided(event: facts.HITLDecided) -> Iterable[Entry]:
    yield Entry("approvals", "decided", _some(event, "request_id", "task_id", "task_type", "decision", "reviewer"))


def _expired(event: facts.HITLExpired) -> Iterable[Entry]:
    yield Entry("approvals", "expired", _some(event, "request_id", "task_id", "task_type", "kind"))


_SHOWN: Mapping[type[Event], Callable[[Any], Iterable[Entry]]] = {
    facts.TaskSubmitted: _submitted,
    facts.TaskAssigned: _assigned,
    facts.AgentCompleted: _completed,
    facts.AgentFailed: _failed,
    facts.TaskEnded: _ended,
    facts.HITLRequested: _requested,
    facts.HITLPrepared: _prepared,
    facts.HITLDecided: _decided,
    facts.HITLExpired: _expired,
}
