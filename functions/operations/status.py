"""GET /status: how the work stands, at a glance."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from events.topology import QUEUES, TOPOLOGY
from shared.auth.scope import sees_all
from shared.coordination.dead_letters import Letters, Wanted
from shared.coordination.overview import overview, unsent
from shared.runtime.http import CallerNow, ServicesNow, operation_router
from shared.runtime.services import Services

router = operation_router()


class Backlog(BaseModel):
    """What all queues hold together, and the brain's events that are committed and not yet on the bus."""

    ready: int
    under_way: int
    delayed: int
    unsent: int


class Status(BaseModel):
    """The caller's tenant: open tasks and those made in 24 hours, by status; requests that wait for a human, by
    urgency; dead letters of all queues and topics (`dead_more`: there may be more). `backlog` is that of the whole
    platform, for SUPER_ADMIN only, else null."""

    time: datetime
    tenant: str
    open: dict[str, int]
    made_24h: dict[str, int]
    pending: dict[str, int]
    oldest_pending: datetime | None
    dead_letters: int
    dead_more: bool
    backlog: Backlog | None


@router.get("/status")
def status(caller: CallerNow, services: ServicesNow) -> Status:
    """Counted at this moment."""
    mine = Wanted(None if sees_all(caller) else caller.tenant)
    counts = [Letters(services.bus, name).count(mine) for name in (*QUEUES, *TOPOLOGY.topics)]
    return Status(
        time=services.now(),
        tenant=caller.tenant,
        **overview(services.unit, caller.tenant, services.now()),
        dead_letters=sum(number for number, _ in counts),
        dead_more=any(more for _, more in counts),
        backlog=_backlog(services) if sees_all(caller) else None,
    )


def _backlog(services: Services) -> Backlog:
    depths = [services.bus.depth(name) for name in QUEUES]
    return Backlog(
        ready=sum(depth.ready for depth in depths),
        under_way=sum(depth.leased for depth in depths),
        delayed=sum(depth.delayed for depth in depths),
        unsent=unsent(services.unit),
    )
