"""The queue of those that wait, kept in order.

    a request opens         it has a place at once
    one is decided, expires the others move up
    the timer               every tenant's queue is ranked again, each by itself; who cannot keep up is warned

Facts come in batches, and one ranking serves all of a tenant's in a batch: however many come at once, ranking keeps up.
Of those that put a tenant's queue in order, one goes after the other; nobody who decides waits for them for long. It
touches notes, never a status, an action or an expiry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from events.event import Event
from events.orchestration import AuditNoted, HITLDecided, HITLExpired, HITLRequested
from events.work import TimerFired
from shared.coordination.waiting import desk_name, put_in_order, tenants_waiting
from shared.coordination.watch import UNUSUAL, watch
from shared.runtime.services import Services
from shared.store.database import Unit
from shared.tools.past_reviews import HASTY, HASTY_RUN


def tenants_due(services: Services) -> list[str]:
    """Those for whom something waits: the timer's event comes once for each."""
    return tenants_waiting(services.unit)


def handle(event: Event, services: Services) -> Iterable[Event]:
    """Put the tenant's queue in order; a fact that calls for nothing is done at once."""
    match event:
        case HITLRequested() | HITLExpired():
            services.unit.gather(services, _rank)
        case HITLDecided():
            services.unit.gather(services, _rank)
            return _hasty(event, services)
        case TimerFired():
            return _watch(services)
    return []


def _rank(unit: Unit, asking: Sequence[Services]) -> None:
    """Give the waiting requests of those who ask their places anew, each tenant's once."""
    for tenant, services in sorted({each.context.tenant: each for each in asking}.items()):
        put_in_order(unit, tenant, services.tenants, services.now)


def _hasty(event: HITLDecided, services: Services) -> list[Event]:
    """A reviewer who approves one after the other within seconds is reported, once for every 20; not judged."""
    run = services.history.decisions_by(event.reviewer).hasty_run(event.reviewer, event.timestamp)
    if run == 0 or run % HASTY_RUN:
        return []
    seconds = int(HASTY.total_seconds())
    return [
        AuditNoted(
            actor=services.spec.name,
            action="hitl.hasty_reviews",
            target=event.reviewer,
            why=f"the last {run} decisions were approvals of less than {seconds} seconds each",
            detail={"trigger": UNUSUAL, "for": "TENANT_ADMIN", "decisions": run, "seconds": seconds},
        )
    ]


def _watch(services: Services) -> list[AuditNoted]:
    """The timer's look at one tenant's queue."""
    tenant = services.context.tenant
    services.unit.alone(*desk_name(tenant))
    return watch(services.unit, tenant, services.tenants, services.now, services.spec.name)
