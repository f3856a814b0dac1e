"""How a task goes on: submitted, judged, handed from role to role, stopped at a human, ended.

Each function returns the task as it now is and the events that say so; the caller's commit covers both.

A task escalates before the work (by its data) or after it (by what the role found, by a proposed action that needs
a human, by low confidence). What a human approved is remembered by the fingerprint of each reason, so that the
same reason does not stop the task again, and a new value or a new limit does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from events.event import Event
from events.jsontext import canonical
from events.orchestration import AgentCompleted, TaskAssigned, TaskEnded, TaskSubmitted
from events.work import ApprovalWork, ExceptionWork, RoleWork
from shared.agents.case import Escalation, Result
from shared.agents.role import END, Role
from shared.agents.roles import first_role, role, roles, task_types
from shared.coordination.actions import carry_out_safe
from shared.coordination.tasks import Task
from shared.errors import Invalid
from shared.ids import derive_id
from shared.tools.sensitive import forbidden, mask_sensitive

if TYPE_CHECKING:
    from shared.escalation.verdict import Verdict
    from shared.runtime.services import Services


@dataclass(frozen=True)
class Order:
    """What somebody asks for: the input of a new task. `masked` says what was masked before it came here."""

    type: str
    data: Mapping[str, Any]
    description: str = ""
    expected_output: str = ""
    role: str = ""
    priority: int | None = None
    masked: Sequence[str] = ()


def starting_role(order: Order) -> Role:
    """The role that begins. Raises `Invalid` when there is none, or when the one asked for does not do the type."""
    if order.role:
        if order.role not in roles():
            raise Invalid.field("role", f"no agent role is named {order.role!r}; GET /agents names them")
        chosen = role(order.role)
        if order.type not in chosen.task_types:
            raise Invalid.field("role", f"{order.role} does not do tasks of the type {order.type}")
        return chosen
    found = first_role(order.type)
    if found is None:
        raise Invalid.field("type", f"no role starts tasks of this type; known are {', '.join(task_types())}")
    return found


def submit(services: Services, order: Order, cause: str = "", part: str = "") -> tuple[Task, list[Event]]:
    """Make a task of an order: masked, judged, kept, and on its way. `part` tells several tasks of one call apart.
    Raises `Invalid` naming the field."""
    from events.topology import QUEUES

    start = starting_role(order)
    masked = mask_sensitive(dict(order.data))
    words = mask_sensitive({"description": order.description, "expected_output": order.expected_output})
    found = [*order.masked, *forbidden(masked.findings + words.findings)]
    verdict = judge(services, order.type, masked.clean, found)
    now = services.now()
    call = (services.context.tenant, services.context.source, services.context.id)
    task = Task(
        id=derive_id("task", *call, *([part] if part else [])),
        tenant=services.context.tenant,
        type=order.type,
        status="awaiting_approval" if verdict["escalated"] else "queued",
        role=start.name,
        queue=start.queue,
        priority=QUEUES[start.queue].priority if order.priority is None else order.priority,
        **words.clean,
        data=masked.clean,
        verdict=verdict | {"stage": "before", "action": {"do": "work", "role": start.name, "data": masked.clean}},
        created_by=services.context.actor,
        created_at=now,
        updated_at=now,
        cause=cause,
    )
    services.tasks.add(task)
    services.history.remember(task)
    submitted = TaskSubmitted(
        task_id=task.id,
        task_type=task.type,
        actor=task.created_by or "system",
        role=task.role,
        escalated=verdict["escalated"],
        triggers=tuple(verdict["triggers"]),
        urgency=verdict["urgency"],
        policy_version=verdict["policy_version"],
        cause=cause,
    )
    if verdict["escalated"]:
        return task, [submitted, ApprovalWork(task_id=task.id, step=task.step)]
    return task, [submitted, *assigned(task)]


def judge(
    services: Services,
    task_type: str,
    data: Mapping[str, Any],
    masked: Sequence[str] = (),
    found: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The verdict on data under the tenant's policy, as JSON. `masked` are card numbers and the like, in words."""
    from shared.escalation.classify import classify

    signals = dict(found or {})
    if masked:
        signals["policy_violations"] = [*signals.get("policy_violations", []), *masked]
    policy = services.tenants.policy(services.context.tenant)
    verdict: Verdict = classify(task_type, data, policy, services.history, found=signals)
    return verdict.to_json()


def assigned(task: Task) -> list[Event]:
    """The fact that a task goes to its role, and the work item."""
    cleared = bool(task.cleared)
    fact = TaskAssigned(
        task_id=task.id, task_type=task.type, role=task.role, queue=task.queue, step=task.step, cleared=cleared
    )
    return [fact, RoleWork(**fact.model_dump(), priority=task.priority)]


def hand_over(services: Services, task: Task, following: str, **changes: Any) -> tuple[Task, list[Event]]:
    """To the next role, or to the end."""
    if following == END:
        done = services.tasks.change(task, "completed", **changes)
        return done, [ended(services, done)]
    after = role(following)
    moved = services.tasks.change(task, "queued", role=after.name, queue=after.queue, step=task.step + 1, **changes)
    return moved, assigned(moved)


def ended(services: Services, task: Task) -> TaskEnded:
    """The fact that a task ended."""
    return TaskEnded(
        task_id=task.id,
        task_type=task.type,
        status=task.status,
        actor=services.context.actor or "system",
        why=task.why[:1000],
    )


def worked(services: Services, task: Task, worker: Role, result: Result) -> tuple[Task, list[Event]]:
    """A role did its part: keep what it found, judge it, and go on or stop at a human."""
    conclusion = result.conclusion
    entry: dict[str, Any] = {
        "role": worker.name,
        "step": task.step,
        "outcome": conclusion.outcome,
        "confidence": conclusion.confidence,
        "engine": result.engine,
        "engine_reason": result.reason,
        "summary": conclusion.summary,
        "output": dict(conclusion.output),
        "proposals": [asdict(proposal) for proposal in conclusion.proposals],
        "signals": dict(conclusion.signals),
        "tools": list(result.tools_used),
        "notes": list(result.notes),
        "at": services.now().isoformat(),
    }
    results = (*task.results, entry)
    verdict = _judge_again(services, task, results)
    verdict["reasons"] += [_reason(worker, escalation) for escalation in _own_reasons(services, worker, result)]
    open_reasons = [reason for reason in verdict["reasons"] if fingerprint(reason) not in task.cleared_reasons]
    following = worker.outcomes[conclusion.outcome]
    fact = AgentCompleted(
        task_id=task.id,
        task_type=task.type,
        role=worker.name,
        step=task.step,
        outcome=conclusion.outcome,
        confidence=conclusion.confidence,
        engine=result.engine,
        engine_reason=result.reason,
        result=entry["output"],
        proposals=tuple(entry["proposals"]),
        next_role="" if open_reasons or following == END else following,
        waits_for_human=bool(open_reasons),
    )
    if not open_reasons:
        moved, events = hand_over(services, task, following, results=results)
        carry_out_safe(services, moved, entry["proposals"])
        return moved, [fact, *events]
    stopped = stop(services, task, open_reasons, verdict, entry, results=results)
    work = ExceptionWork(task_id=task.id, step=task.step, role=worker.name, error=open_reasons[0]["trigger"])
    return stopped, [fact, work]


def _judge_again(services: Services, task: Task, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The verdict with what roles found. What was computed when the task came stands until a role finds it anew: a
    human who approved a task for its score of then must not be asked again because the past has grown meanwhile."""
    computed = task.verdict.get("computed", {})
    found = {name: signal["value"] for name, signal in computed.items() if signal["value"] is not None}
    found |= {name: value for one in results for name, value in one["signals"].items()}
    verdict = judge(services, task.type, task.data, found=found)
    return verdict | {"computed": computed | verdict["computed"]}


def stop(
    services: Services,
    task: Task,
    reasons: list[dict[str, Any]],
    verdict: dict[str, Any],
    entry: Mapping[str, Any],
    **changes: Any,
) -> Task:
    """Stop a task after a role's work: approving accepts what the role found."""
    triggers = list(dict.fromkeys(reason["trigger"] for reason in reasons))
    action = {
        "do": "accept",
        "role": entry["role"],
        "outcome": entry["outcome"],
        "proposals": entry["proposals"],
    }
    kept = verdict | {
        "escalated": True,
        "stage": "after",
        "reasons": reasons,
        "triggers": triggers,
        "urgency": urgency_of(services, triggers, verdict["impact"]),
        "action": action,
        "recommendation": entry["summary"],
        "confidence": entry["confidence"],
    }
    return services.tasks.change(task, "awaiting_approval", verdict=kept, **changes)


def urgency_of(services: Services, triggers: Sequence[str], impact: Mapping[str, Any]) -> str:
    """How soon a task that stopped in its work must be looked at; of a VIP customer as the tenant has it."""
    from shared.escalation.verdict import urgency

    vip = impact["customer_satisfaction"] == "high"
    return urgency(triggers, services.tenants.policy(services.context.tenant).vip_urgency if vip else "low")


def _own_reasons(services: Services, worker: Role, result: Result) -> list[Escalation]:
    conclusion = result.conclusion
    reasons = list(conclusion.escalations)
    for proposal in conclusion.proposals:
        if worker.actions[proposal.action].needs == "human":
            reasons.append(
                Escalation(
                    "risky_action", "proposals", f"{proposal.action} {canonical(proposal.detail)}", None, proposal.why
                )
            )
    floor = services.tenants.policy(services.context.tenant).min_confidence_of(worker.name, worker.min_confidence)
    if conclusion.confidence < floor:
        reasons.append(Escalation("low_confidence", "confidence", round(conclusion.confidence, 4), floor))
    return reasons


def _reason(worker: Role, escalation: Escalation) -> dict[str, Any]:
    return {"rule": f"role:{worker.name}", **asdict(escalation)}


def fingerprint(reason: Mapping[str, Any]) -> str:
    """What makes two reasons the same: the rule, the trigger, the field, the value and the limit."""
    parts = [reason.get(name) for name in ("rule", "trigger", "field", "actual", "limit")]
    return derive_id("reason", canonical(parts))


def seal(task: Task, action: Mapping[str, Any], policy_version: str) -> str:
    """The hash of what a reviewer sees: the task as it is (its version), the action, the policy."""
    return derive_id("action", task.id, str(task.version), canonical(action), policy_version)
