"""Work to measure with: a task of the demo day as the platform's own code makes it, and the calls that a role gets."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from scripts.demo_day import kind_of, orders
from shared.auth.tokens import service_token
from shared.contract import Context
from shared.coordination.flow import Order, submit
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.services import Services
from shared.settings import settings
from shared.store.database import Unit

_ADDRESSES = ("shipping_address", "billing_address")
_numbers = itertools.count()


def use_home(home: Path) -> None:
    """Let this process work on a platform's home."""
    if os.environ.get("BIZOSAAS_HOME") != str(home):
        os.environ["BIZOSAAS_HOME"] = str(home)
        settings.cache_clear()


def plain_orders(count: int) -> list[dict[str, Any]]:
    """Orders of the demo day that need no human, made anew with each seed, all with ids and addresses of their own: to
    the day's few addresses so many would be suspicious, and some would wait."""
    seed = 1000 + next(_numbers)
    found = [order for n, order in enumerate(orders(seed, 2 * count + 8)) if not kind_of(seed, n)]
    return [_own(order, f"{seed}-{n}") for n, order in enumerate(found[:count])]


def _own(order: dict[str, Any], name: str) -> dict[str, Any]:
    where = {key: order[key] | {"street": f"{order[key]['street']}, {name}"} for key in _ADDRESSES}
    return order | {"order_id": f"bench-{name}"} | where


def role_work(home: Path) -> bytes:
    """A new task in a home, queued for its first role and known to nobody else; the role's work item, encoded."""
    from functions.catalogue import by_name

    use_home(home)
    number = next(_numbers)
    context = Context(f"bench-{number}", "/bench", "demo", "bench", f"bench-{number}", utc_now())
    unit = Unit("orchestration")
    try:
        services = Services(by_name()["tasks-create"], context, unit)
        task, events = submit(services, Order("order", plain_orders(1)[0]))
        unit.commit()
    finally:
        unit.close()
    if task.status != "queued":
        raise RuntimeError(f"an ordinary order was stopped: {task.verdict}")
    return outbox.stamp(events, "tasks-create", context, utc_now())[-1].body


def service_headers(home: Path) -> dict[str, str]:
    """What a part of the platform sends with an event, as the bridge and dispatch do."""
    use_home(home)
    # a process keeps its tokens by name, and each home has keys of its own
    token = service_token(tenant="demo", name=f"bench-{home.parent.name}")
    return {"authorization": f"Bearer {token}", "content_type": "application/cloudevents+json"}
