"""What follows from a human's decision on a task.

approve  work not yet done: back to its role, cleared; work done: what the role found stands, and the task goes on
modify   the same with the changed action, which must be valid in its own right
reject   the task ends
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from events.event import Event
from shared.agents.role import Role
from shared.agents.roles import role
from shared.coordination.actions import carry_out_safe
from shared.coordination.approvals import Approval
from shared.coordination.flow import assigned, ended, fingerprint, hand_over, judge
from shared.coordination.tasks import Task
from shared.errors import Invalid, Problem
from shared.tools.money import money
from shared.tools.sensitive import mask_sensitive

if TYPE_CHECKING:
    from shared.runtime.services import Services


def carry_out(services: Services, task: Task, decided: Approval) -> list[Event]:
    """Change the task as decided; returns the events. Raises `Invalid` naming a field of `modified_action`."""
    if decided.decision == "reject":
        over = services.tasks.change(task, "rejected", why=decided.reviewer_notes)
        return [ended(services, over)]
    action = decided.action if decided.modified_action is None else decided.modified_action
    if decided.modified_action is not None and action.get("do") != decided.action["do"]:
        raise Invalid.field("modified_action.do", f"must stay {decided.action['do']!r}")
    follow = _work if decided.action["do"] == "work" else _accept
    return follow(services, task, decided, action)


def _work(services: Services, task: Task, decided: Approval, action: Mapping[str, Any]) -> list[Event]:
    data, reasons = dict(task.data), list(decided.reasons)
    if decided.modified_action is not None:
        _only(action, {"do", "role", "data"})
        if action.get("role", task.role) != task.role:
            raise Invalid.field("modified_action.role", f"must stay {task.role!r}")
        data = _changed_data(action)
        # The human saw the changed data too: what its own verdict says is cleared with it.
        reasons += _judged(services, task, data)["reasons"]
    moved = services.tasks.change(
        task, "queued", step=task.step + 1, data=data, cleared=_cleared(services, task, decided, reasons)
    )
    return assigned(moved)


def _changed_data(action: Mapping[str, Any]) -> dict[str, Any]:
    data = action.get("data")
    if not isinstance(data, dict):
        raise Invalid.field("modified_action.data", "must be the whole changed data, an object")
    masked: dict[str, Any] = mask_sensitive(data).clean
    return masked


def _judged(services: Services, task: Task, data: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return judge(services, task.type, data)
    except Invalid as error:
        problems = tuple(Problem(f"modified_action.{problem.field}", problem.rule) for problem in error.problems)
        raise Invalid(f"modified_action: {error.detail}", problems=problems) from None


def _accept(services: Services, task: Task, decided: Approval, action: Mapping[str, Any]) -> list[Event]:
    worker = role(task.role)
    results = task.results
    if decided.modified_action is not None:
        _check_accepted(worker, action)
        changed = {**results[-1], "outcome": action["outcome"], "proposals": action["proposals"]}
        results = (*results[:-1], changed | {"changed_by": decided.reviewer})
    moved, events = hand_over(
        services,
        task,
        worker.outcomes[action["outcome"]],
        results=results,
        cleared=_cleared(services, task, decided, decided.reasons),
    )
    carry_out_safe(services, moved, action["proposals"])
    return events


def _check_accepted(worker: Role, action: Mapping[str, Any]) -> None:
    _only(action, {"do", "role", "outcome", "proposals"})
    if action.get("role", worker.name) != worker.name:
        raise Invalid.field("modified_action.role", f"must stay {worker.name!r}")
    if action.get("outcome") not in worker.outcomes:
        raise Invalid.field("modified_action.outcome", f"must be one of {', '.join(worker.outcomes)}")
    proposals = action.get("proposals")
    if not isinstance(proposals, list):
        raise Invalid.field("modified_action.proposals", "must be a list")
    for index, proposal in enumerate(proposals):
        _check_proposal(worker, f"modified_action.proposals[{index}]", proposal)


def _check_proposal(worker: Role, path: str, proposal: Any) -> None:
    if not isinstance(proposal, dict) or proposal.get("action") not in worker.actions:
        raise Invalid.field(f"{path}.action", f"must be one of {', '.join(worker.actions) or 'none'}")
    detail = proposal.get("detail", {})
    if not isinstance(detail, dict):
        raise Invalid.field(f"{path}.detail", "must be an object")
    fields = worker.actions[proposal["action"]].fields
    missing = [name for name in fields if detail.get(name) in (None, "")]
    if missing:
        raise Invalid.field(f"{path}.detail.{missing[0]}", "is missing")
    if {"amount", "currency"} <= set(fields):
        amount = money(detail["amount"], detail["currency"], field=f"{path}.detail.amount")
        if amount.amount <= 0:
            raise Invalid.field(f"{path}.detail.amount", "must be more than 0")


def _only(action: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(action.keys() - known)
    if unknown:
        raise Invalid.field(f"modified_action.{unknown[0]}", f"is not known; known are {', '.join(sorted(known))}")


def _cleared(services: Services, task: Task, decided: Approval, reasons: Any) -> tuple[Mapping[str, Any], ...]:
    entry = {
        "request_id": decided.id,
        "by": decided.reviewer,
        "at": services.now().isoformat(),
        "decision": decided.decision,
        "action_hash": decided.action_hash,
        "policy_version": decided.policy_version,
        "reasons": sorted({fingerprint(reason) for reason in reasons}),
    }
    return (*task.cleared, entry)
