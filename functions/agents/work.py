"""An agent role does its step of a task. One handler for every role: what differs is in the role's file."""

from __future__ import annotations

from collections.abc import Iterable

from events.event import Event
from events.orchestration import AgentFailed
from events.work import ExceptionWork, RoleWork
from shared.agents.case import Case
from shared.agents.role import Role
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.coordination.flow import worked
from shared.coordination.tasks import Task
from shared.errors import Invalid
from shared.live.entries import began
from shared.runtime.services import Services


def handle(event: RoleWork, services: Services) -> Iterable[Event]:
    """Do the step; work that came too late (the task went on, or ended) is left alone."""
    worker = role(event.role)
    if worker.name != services.spec.role:
        raise Invalid.field("role", f"this function is {services.spec.role}")
    task = services.tasks.get(event.task_id)
    if task.ended or task.status == "awaiting_approval" or (task.step, task.role) != (event.step, event.role):
        return []
    try:
        case = case_of(services, worker, task)
        services.unit.rest()
        result = services.engine.run(worker, case, lambda: _begin(services, task))
    except Invalid as error:
        return _cannot(task, worker, error)
    _, events = worked(services, task, worker, result)
    return events


def _begin(services: Services, task: Task) -> None:
    """A model begins, which takes long enough to be seen at work."""
    services.tasks.mark_running(task)
    services.show(began(task.id, task.type, task.role, task.step))


def case_of(services: Services, worker: Role, task: Task) -> Case:
    """What the role works on: the task, what the roles before found, the tenant's settings and history."""
    return Case(
        role=worker.name,
        task_id=task.id,
        task_type=task.type,
        data=task.data,
        settings=services.tenants.settings(task.tenant),
        history=services.history,
        now=services.now(),
        tools=tools_of(worker),
        asked=task.asked,
        results={entry["role"]: {**entry["output"], "outcome": entry["outcome"]} for entry in task.results},
    )


def _cannot(task: Task, worker: Role, error: Invalid) -> list[Event]:
    """The data does not let the role work: a human looks, with the fields and rules named."""
    failed = AgentFailed(task_id=task.id, role=worker.name, step=task.step, error="role_failed", detail=error.detail)
    work = ExceptionWork(task_id=task.id, step=task.step, role=worker.name, error="role_failed", detail=error.detail)
    return [failed, work]
