"""GET /queues: what each queue holds, and what died in each queue and topic."""

from __future__ import annotations

from pydantic import BaseModel

from events.topology import QUEUES, TOPOLOGY
from shared.auth.scope import sees_all
from shared.contract import Caller
from shared.coordination.dead_letters import Letters, Wanted
from shared.runtime.http import CallerNow, ServicesNow, operation_router
from shared.runtime.services import Services

router = operation_router()


class QueueView(BaseModel):
    """The counts of one queue, or the dead letters of one topic. `ready` wait, `under_way` are held by a function,
    `delayed` wait for their next attempt: counts over all tenants, for SUPER_ADMIN only, else null, as for a topic.
    `dead` are the dead letters that the caller may see; with `dead_more` there may be more."""

    name: str
    kind: str
    ready: int | None = None
    under_way: int | None = None
    delayed: int | None = None
    dead: int
    dead_more: bool = False


class QueuePage(BaseModel):
    """All queues, then all topics."""

    items: list[QueueView]
    next_cursor: str | None = None


@router.get("/queues")
def list_queues(caller: CallerNow, services: ServicesNow) -> QueuePage:
    """Every queue and topic."""
    queues = [_queue(name, caller, services) for name in QUEUES]
    return QueuePage(items=queues + [_dead("topic", name, caller, services) for name in TOPOLOGY.topics])


def _queue(name: str, caller: Caller, services: Services) -> QueueView:
    if not sees_all(caller):
        return _dead("queue", name, caller, services)
    depth = services.bus.depth(name)
    return QueueView(
        name=name, kind="queue", ready=depth.ready, under_way=depth.leased, delayed=depth.delayed, dead=depth.dead
    )


def _dead(kind: str, name: str, caller: Caller, services: Services) -> QueueView:
    mine = Wanted(None if sees_all(caller) else caller.tenant)
    dead, more = Letters(services.bus, name).count(mine)
    return QueueView(name=name, kind=kind, dead=dead, dead_more=more)
