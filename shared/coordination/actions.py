"""What is done of a role's proposals once nothing stands against them: a table of actions, by name.

Today these are messages to customers. They are kept in the `messages` table in the transaction that moves the task
on, so that a task and its message come about together or not at all; connectors for mail and SMS read that table and
deliver. Every other proposal is told in `AgentCompleted`, or in `HITLDecided` where it waited for a human, and the
backend that owns the thing does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from shared.coordination.messages import Messages
from shared.coordination.tasks import Task

if TYPE_CHECKING:
    from shared.runtime.services import Services


def carry_out_safe(services: Services, task: Task, proposals: Iterable[Mapping[str, Any]]) -> None:
    """Do what the house itself does of proposals {action, detail} that passed, or that a human approved. Raises
    `Invalid` naming a field of a proposal that a human changed into something that cannot be done."""
    for index, proposal in enumerate(proposals):
        act = ACTIONS.get(proposal["action"])
        if act is not None:
            act(services, task, proposal.get("detail", {}), f"proposals[{index}].detail")


def _keep_message(services: Services, task: Task, detail: Mapping[str, Any], path: str) -> None:
    Messages(services.unit, services.context.tenant, services.now).keep(task, detail, path)


ACTIONS: Mapping[str, Callable[[Services, Task, Mapping[str, Any], str], None]] = {
    "send_message": _keep_message,
    "send_reply": _keep_message,
}
