"""What fraud screening needs of a tenant's past: counts, rates and amounts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from shared.tools.fraud_weights import Record, SignalCounts

NOTHING_SETTLED = Record()


class Activity(NamedTuple):
    """How busy a key such as "card" was in a window.

    `seen` are its orders beside the one in question (which is there anyhow and proves nothing), or for a link its
    e-mail addresses, with this order's; `rate` is how many are usual there, None when nobody knows.
    """

    key: str
    window: str
    seen: int
    rate: float | None


class History(NamedTuple):
    """All that screening needs of the past; the empty one knows nothing, so that nothing is decided by it."""

    tenant: Record = NOTHING_SETTLED
    customer: Record = NOTHING_SETTLED
    paid_before: bool | None = None
    signals: Mapping[str, SignalCounts] = MappingProxyType({})
    activity: tuple[Activity, ...] = ()
    links: tuple[Activity, ...] = ()
    amounts: tuple[Decimal, ...] = ()
    quantities: tuple[int, ...] = ()
