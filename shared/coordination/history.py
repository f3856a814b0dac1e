"""What a tenant's own tasks and decisions say: of a customer, a card, an address, a role, a reviewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, bindparam, delete, insert, literal, or_, select, update

from events.work import TrainingSample
from shared.coordination.task_keys import ORDER, keys_of, largest_quantity, money_of, normalised
from shared.coordination.tasks import Task, Tasks
from shared.store.database import Unit
from shared.store.orchestration import approvals, samples, task_keys, tasks

if TYPE_CHECKING:
    from shared.coordination.tickets import Tickets
    from shared.tools.fraud import History as OrderHistory
    from shared.tools.past_reviews import PastReviews
    from shared.tools.track_record import Kept

#: How far back reviews are read, and how many at most (policy).
REVIEW_DAYS, MOST_REVIEWS = 90, 2000
#: Of one reviewer. Neither it nor one less is a multiple of a run that is reported: a longer run looks like one.
MOST_DECISIONS = 502
#: Labelled samples of one type that are read at most, the newest.
MOST_SAMPLES = 1000
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_ADD = insert(task_keys)
_TASKS_OF_ORDER = select(task_keys.c.task_id).where(
    task_keys.c.tenant == bindparam("of"),
    task_keys.c.kind == literal("order_id"),
    task_keys.c.value == bindparam("order"),
    task_keys.c.task_type == literal("order"),
)


@cache
def _tasks_with(keys: int) -> Select[Any]:
    wanted = (
        and_(task_keys.c.kind == bindparam(f"kind_{place}"), task_keys.c.value == bindparam(f"value_{place}"))
        for place in range(keys)
    )
    return (
        select(task_keys, tasks.c.type, tasks.c.status)
        .join(tasks, tasks.c.id == task_keys.c.task_id)
        .where(task_keys.c.tenant == bindparam("of"), tasks.c.tenant == bindparam("of"), or_(*wanted))
        .where(task_keys.c.task_id != bindparam("but"), task_keys.c.at >= bindparam("since"))
        .order_by(task_keys.c.at.desc(), task_keys.c.task_id)
        .limit(bindparam("most"))
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """A task that had a key: `by` are the kinds that led to it. Amount and currency are "" where it named none."""

    task_id: str
    task_type: str
    status: str
    at: datetime
    amount: str
    currency: str
    by: tuple[str, ...]


@dataclass
class History:
    """The past of one tenant."""

    unit: Unit
    tenant: str
    now: Callable[[], datetime]
    _reviews: PastReviews | None = field(default=None, repr=False)

    def remember(self, task: Task) -> None:
        """Make a new task findable by its keys. A second task of the same order takes the first one's place, so
        that an order whose payment came later is not two orders."""
        keys = list(keys_of(task.data))
        at, order_id = task.created_at, dict(keys).get("order_id")
        counted = task.type
        if task.type == "order" and order_id:
            self.unit.alone("order", self.tenant, order_id)
            at = self._replace(task, order_id) or at
            keys.append((ORDER, str(largest_quantity(task.data))))
        elif task.type == "order":
            counted = ""  # without its id an order cannot be told from itself later: it is found, and not counted
        amount, currency = money_of(task.data)
        rows = [
            {
                "tenant": self.tenant,
                "kind": kind,
                "value": value,
                "task_id": task.id,
                "task_type": counted,
                "at": task.created_at if kind == "order_id" else at,
                "amount": amount,
                "currency": currency,
            }
            for kind, value in keys
        ]
        if rows:
            self.unit.write().execute(_ADD, rows)

    def _replace(self, task: Task, order_id: str) -> datetime | None:
        """Take the keys of the order's earlier task away; returns when that order was first seen."""
        ids = list(self.unit.write().execute(_TASKS_OF_ORDER, {"of": self.tenant, "order": order_id}).scalars())
        if not ids:
            return None
        mine = task_keys.c.tenant == self.tenant
        of_them = and_(mine, task_keys.c.task_id.in_(ids))
        first: datetime | None = (
            self.unit.write().execute(select(task_keys.c.at).where(of_them, task_keys.c.kind == ORDER)).scalar()
        )
        kept = ["order_id", "fraud"]
        self.unit.write().execute(delete(task_keys).where(of_them, task_keys.c.kind.not_in(kept)))
        self.unit.write().execute(update(task_keys).where(of_them, task_keys.c.kind == "fraud").values(task_id=task.id))
        return first

    def last_task(self, kind: str, value: str, task_type: str = "") -> Task | None:
        """The newest task that had this key, of one type if that is given."""
        query = select(task_keys.c.task_id).where(
            task_keys.c.tenant == self.tenant, task_keys.c.kind == kind, task_keys.c.value == normalised(kind, value)
        )
        if task_type:
            query = query.where(task_keys.c.task_type == task_type)
        newest = query.order_by(task_keys.c.at.desc(), task_keys.c.task_id.desc()).limit(1)
        task_id = self.unit.read().execute(newest).scalar()
        return Tasks(self.unit, self.tenant, self.now).get(task_id) if task_id else None

    def tasks_of(self, kind: str, value: str, since: datetime | None = None, limit: int = 200) -> list[Seen]:
        """The tasks that had this key, newest first."""
        return self.tasks_with([(kind, value)], since=since, limit=limit)

    def tasks_with(
        self, keys: Iterable[tuple[str, str]], *, since: datetime | None = None, but: str = "", limit: int = 200
    ) -> list[Seen]:
        """The tasks that had any of these keys, newest first; `but` is the id of one to leave out."""
        wanted = [(kind, normalised(kind, value)) for kind, value in keys]
        if not wanted:
            return []
        given = {"of": self.tenant, "but": but, "since": since or _BEGINNING, "most": limit * len(wanted)}
        for place, (kind, value) in enumerate(wanted):
            given |= {f"kind_{place}": kind, f"value_{place}": value}
        rows = self.unit.read().execute(_tasks_with(len(wanted)), given)
        found: dict[str, Seen] = {}
        for row in rows:
            by = (*found[row.task_id].by, row.kind) if row.task_id in found else (row.kind,)
            found[row.task_id] = Seen(
                row.task_id, row.type, row.status, row.at, row.amount, row.currency, tuple(dict.fromkeys(by))
            )
        return list(found.values())[:limit]

    def messages_said(self, about: str) -> list[dict[str, Any]]:
        """The messages about an order or a ticket, the oldest first: {id, kind, fingerprint, status}."""
        from shared.coordination.messages import Messages

        return Messages(self.unit, self.tenant, self.now).said(about)

    def learn(self, sample: TrainingSample) -> None:
        """Keep a decision as a labelled sample, once. An order's sample also keeps the signals that stood on it,
        and a confirmed fraud becomes a key of its task."""
        known = select(samples.c.request_id).where(samples.c.request_id == sample.request_id)
        if self.unit.write().execute(known).first():
            return
        labels = dict(sample.labels)
        query = select(tasks).where(tasks.c.id == sample.task_id, tasks.c.tenant == self.tenant)
        task = self.unit.write().execute(query).first()
        if task is not None and sample.task_type == "order" and isinstance(labels.get("fraud"), bool):
            from shared.coordination.order_history import note_fraud, signals_of

            labels["signals"] = signals_of(task.data)
            if labels["fraud"]:
                note_fraud(self.unit, self.tenant, task.id, task.data, task.created_at)
        names = ("request_id", "task_id", "task_type", "role", "decision", "agreement")
        values = {name: getattr(sample, name) for name in (*names, "ai_recommendation", "ai_confidence")}
        values |= {"tenant": self.tenant, "triggers": list(sample.triggers), "labels": labels, "at": self.now()}
        self.unit.write().execute(insert(samples).values(**values))

    def context_for(self, task: Task) -> dict[str, Any]:
        """What a reviewer needs to see beside the task: from its data, else looked up, else listed as missing."""
        return self.context_of(task.type, task.data, task.id)

    def context_of(self, task_type: str, data: Mapping[str, Any], task_id: str = "") -> dict[str, Any]:
        """As `context_for`, for data that may have changed since the task was made."""
        from shared.coordination.lookup import TenantLookup
        from shared.escalation.context import context_for

        return context_for(task_type, data, TenantLookup(self, task_id))

    def order_history(self, order: Mapping[str, Any]) -> OrderHistory:
        """What fraud screening needs to know of the time before this order. Raises `Invalid` naming a field of the
        order that cannot be read."""
        from shared.coordination.order_history import order_history

        return order_history(self.unit, self.tenant, self.now(), order)

    @property
    def tickets(self) -> Tickets:
        """What the tenant's tasks say of its support tickets."""
        from shared.coordination.tickets import Tickets

        return Tickets(self.unit, self.tenant)

    def decisions(self, role: str, task_type: str) -> list[Kept]:
        """The decided recommendations of a role on one type of task, newest first."""
        from shared.tools.track_record import Kept

        query = select(samples.c.triggers, samples.c.ai_confidence, samples.c.agreement).where(
            samples.c.tenant == self.tenant,
            samples.c.task_type == task_type,
            samples.c.role == role,
            samples.c.agreement.is_not(None),
        )
        rows = self.unit.read().execute(query.order_by(samples.c.at.desc()).limit(MOST_SAMPLES))
        return [Kept(role, task_type, row.triggers, row.ai_confidence, row.agreement) for row in rows]

    def reviews(self) -> PastReviews:
        """The requests that stopped waiting in the last 90 days, read once a call."""
        if self._reviews is None:
            from shared.tools.past_reviews import PastReview, PastReviews

            names = ("task_type", "status", "decision", "reviewer", "created_at", "decided_at", "estimated_impact")
            columns = [approvals.c[name] for name in names]
            query = select(*columns).where(
                approvals.c.tenant == self.tenant, approvals.c.decided_at >= self.now() - timedelta(days=REVIEW_DAYS)
            )
            rows = self.unit.read().execute(query.order_by(approvals.c.decided_at.desc()).limit(MOST_REVIEWS))
            self._reviews = PastReviews(tuple(PastReview(*row) for row in rows))
        return self._reviews

    def decisions_by(self, reviewer: str) -> PastReviews:
        """This reviewer's newest decisions, without what they were about."""
        from shared.tools.past_reviews import PastReview, PastReviews

        names = ("task_type", "status", "decision", "reviewer", "created_at", "decided_at")
        columns = [approvals.c[name] for name in names]
        query = select(*columns).where(
            approvals.c.tenant == self.tenant,
            approvals.c.decided_at >= self.now() - timedelta(days=REVIEW_DAYS),
            approvals.c.reviewer == reviewer,
        )
        rows = self.unit.read().execute(query.order_by(approvals.c.decided_at.desc()).limit(MOST_DECISIONS))
        return PastReviews(tuple(PastReview(**row._mapping, impact={}) for row in rows))

    def newest_orders(self, but: str = "", limit: int = 200) -> list[tuple[str, str]]:
        """(amount, currency) of the tenant's newest orders that named money; `but` is a task to leave out."""
        query = select(task_keys.c.amount, task_keys.c.currency).where(
            task_keys.c.tenant == self.tenant, task_keys.c.task_type == "order", task_keys.c.kind == ORDER
        )
        query = query.where(task_keys.c.amount != "", task_keys.c.task_id != but)
        rows = self.unit.read().execute(query.order_by(task_keys.c.at.desc()).limit(limit))
        return [(row.amount, row.currency) for row in rows]

    def data_of(self, task_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """The data of these tasks, in the order asked for."""
        if not task_ids:
            return []
        query = select(tasks.c.id, tasks.c.data).where(tasks.c.tenant == self.tenant, tasks.c.id.in_(task_ids))
        found = {row.id: row.data for row in self.unit.read().execute(query)}
        return [found[task_id] for task_id in task_ids if task_id in found]
