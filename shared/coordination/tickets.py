"""What a tenant's own tasks say of its support tickets: who else wrote, how usual that is, what people confirmed.

A ticket is known by what triage found of it (`ROLE`): one that is not triaged yet is not compared with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select

from shared.coordination.task_keys import CUSTOMER_KINDS, keys_of
from shared.coordination.tasks import ENDED
from shared.store.database import Unit
from shared.store.orchestration import samples, task_keys, tasks
from shared.tools.known_ticket import HOUR, OpenTicket
from shared.tools.ticket import JUDGED, Confirmed

ROLE = "ticket_triager"
TICKET = "support_ticket"
DAY = timedelta(hours=24)
#: Tickets that a new one is compared with, the newest; orders of one customer that count as known.
MOST_COMPARED, MOST_ORDERS = 200, 200
#: The weeks whose same hour tells what is usual, how many of them it takes, and the tickets read at most (policy).
WEEKS, FEWEST_WEEKS, MOST_COUNTED = 8, 4, 1000
#: Fewer judged categories say too little: the lower Wilson bound of 1 right of 1 is 0.21 (policy).
FEWEST_JUDGED = 10
_OPEN = tasks.c.status.not_in(sorted(ENDED))


@dataclass
class Tickets:
    """The support tickets of one tenant."""

    unit: Unit
    tenant: str

    def earlier(self, task_id: str, data: Mapping[str, Any], now: datetime) -> list[OpenTicket]:
        """Tickets that came before the task `task_id`: open ones of the customer whom `data` names, and all of the
        last 24 hours. The newest 200, newest first."""
        mine = select(tasks.c.created_at).where(tasks.c.id == task_id, tasks.c.tenant == self.tenant).scalar_subquery()
        recent = tasks.c.created_at >= now - DAY
        own = _keys_of_customer(data)
        if own:
            found = select(task_keys.c.task_id).where(task_keys.c.tenant == self.tenant, _any_of(own))
            recent = or_(recent, and_(_OPEN, tasks.c.id.in_(found)))
        query = self._tickets(tasks.c.id, tasks.c.status, tasks.c.results, tasks.c.created_at).where(
            recent,
            tasks.c.id != task_id,
            # Of two that came at once, one is the earlier for both.
            or_(mine.is_(None), tasks.c.created_at < mine, and_(tasks.c.created_at == mine, tasks.c.id < task_id)),
        )
        rows = self.unit.read().execute(query.order_by(tasks.c.created_at.desc(), tasks.c.id).limit(MOST_COMPARED))
        return [_ticket(row, triaged) for row in rows if (triaged := _triaged(row.results))]

    def hourly_rate(self, at: datetime) -> dict[str, float] | None:
        """How many tickets of each category came, in the mean, in the hour up to this moment of the week, over the
        last 8 weeks; None while fewer than 4 of them are on record. A category that never came is absent."""
        hours = [(at - HOUR - timedelta(weeks=week), at - timedelta(weeks=week)) for week in range(1, WEEKS + 1)]
        within = or_(*(and_(tasks.c.created_at > begin, tasks.c.created_at <= end) for begin, end in hours))
        query = self._tickets(tasks.c.results, tasks.c.created_at).where(within)
        rows = self.unit.read().execute(query.order_by(tasks.c.created_at.desc()).limit(MOST_COUNTED)).all()
        oldest = rows[-1].created_at if len(rows) == MOST_COUNTED else self._first()
        begins = [begin for begin, _ in hours if oldest is not None and oldest <= begin]
        if len(begins) < FEWEST_WEEKS:
            return None
        found = (_triaged(row.results) for row in rows if row.created_at > begins[-1])
        counts = Counter(str(triaged["category"]) for triaged in found if triaged)
        return {category: count / len(begins) for category, count in counts.items()}

    def confirmed(self) -> list[Confirmed]:
        """Tickets whose category a person confirmed, oldest first: who approved what triage recommended, or named
        another category. The newest 200; what they were first taken for is told from 10 on."""
        query = (
            select(samples.c.labels, samples.c.agreement, tasks.c.results)
            .join(tasks, and_(tasks.c.id == samples.c.task_id, tasks.c.tenant == self.tenant))
            .where(samples.c.tenant == self.tenant, samples.c.task_type == TICKET, samples.c.role == ROLE)
            .order_by(samples.c.at.desc())
            .limit(JUDGED)
        )
        rows = self.unit.read().execute(query)
        found = [one for row in rows if (one := _confirmed(row.results, row.labels, row.agreement))]
        if len(found) < FEWEST_JUDGED:
            found = [Confirmed(one.text, one.category) for one in found]
        return found[::-1]

    def orders_of(self, data: Mapping[str, Any]) -> list[str]:
        """The ids of the orders of the customer whom `data` names by id or e-mail, newest first."""
        own = _keys_of_customer(data)
        if not own:
            return []
        order = task_keys.alias("o")
        same = and_(order.c.tenant == task_keys.c.tenant, order.c.task_id == task_keys.c.task_id)
        query = (
            select(order.c.value, order.c.at)
            .join_from(task_keys, order, same)
            .where(task_keys.c.tenant == self.tenant, task_keys.c.task_type == "order", _any_of(own))
            .where(order.c.kind == "order_id")
        )
        rows = self.unit.read().execute(query.order_by(order.c.at.desc(), order.c.value).limit(2 * MOST_ORDERS))
        return list(dict.fromkeys(row.value for row in rows))[:MOST_ORDERS]

    def _tickets(self, *columns: Any) -> Select[Any]:
        return select(*columns).where(tasks.c.tenant == self.tenant, tasks.c.type == TICKET)

    def _first(self) -> datetime | None:
        """When the tenant's first ticket came."""
        query = self._tickets(tasks.c.created_at).order_by(tasks.c.created_at).limit(1)
        first: datetime | None = self.unit.read().execute(query).scalar()
        return first


def customer_of(data: Mapping[str, Any]) -> str | None:
    """What tells a ticket's customer from others: the id, else the e-mail address in small letters."""
    return next((value for _, value in sorted(_keys_of_customer(data))), None)


def _keys_of_customer(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in keys_of(data) if kind in CUSTOMER_KINDS]


def _any_of(keys: Sequence[tuple[str, str]]) -> Any:
    return or_(*(and_(task_keys.c.kind == kind, task_keys.c.value == value) for kind, value in keys))


def _triaged(results: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What triage found of a ticket, the last time."""
    return next((entry["output"] for entry in reversed(results) if entry["role"] == ROLE), None)


def _ticket(row: Row[Any], triaged: Mapping[str, Any]) -> OpenTicket:
    return OpenTicket(
        row.id, triaged["customer"], triaged["text"], triaged["category"], row.created_at, ended=row.status in ENDED
    )


def _confirmed(
    results: Sequence[Mapping[str, Any]], labels: Mapping[str, Any], agreed: bool | None
) -> Confirmed | None:
    triaged = _triaged(results)
    if triaged is None:
        return None
    category = labels.get("category") or (triaged["category"] if agreed else None)
    return Confirmed(triaged["text"], category, triaged["category"]) if isinstance(category, str) else None
