"""Where a leased message goes when it is not done: what is published in its stead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from events.topology import DEAD_LETTER_EXCHANGE
from shared.bus.port import EXPIRED
from shared.bus.rabbitmq.layout import retry_queue
from shared.bus.rabbitmq.leases import Lease
from shared.bus.rabbitmq.wire import death, properties


@dataclass(frozen=True)
class Move:
    """What to publish; the body stays."""

    exchange: str
    key: str
    properties: Any


def buried(lease: Lease, reason: str, now: float) -> Move:
    """To the dead letters, with the reason and the number of attempts that there were."""
    spec = lease.lane.spec
    parcel = replace(lease.arrival.parcel, attempts=lease.delivery.attempt)
    return Move(DEAD_LETTER_EXCHANGE, spec.name, properties(parcel, spec, None, death(reason, now)))


def retried(lease: Lease, reason: str, delay: float, now: float) -> Move:
    """To its retry queue for `delay` seconds, to its queue at once without one; dead after the delivery limit or the
    time to live. A delay never goes past the time to live: what then comes back expires."""
    spec = lease.lane.spec
    parcel = replace(lease.arrival.parcel, attempts=lease.delivery.attempt)
    if parcel.attempts >= spec.delivery_limit:
        return buried(lease, reason, now)
    if parcel.dies_at <= now:
        return buried(lease, EXPIRED, now)
    if delay <= 0:
        return Move("", spec.name, properties(parcel, spec, parcel.dies_at - now))
    wait = min(delay, parcel.dies_at - now)
    return Move("", retry_queue(spec, wait), properties(parcel, spec, wait))
