"""A tenant's waiting requests in one database, and calls of the functions that look after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from events.event import Event
from events.orchestration import AuditNoted, HITLDecided, HITLRequested
from events.work import TimerFired
from functions.agents import prepare
from functions.catalogue import by_name
from functions.hitl import rank
from shared.contract import Context, FunctionSpec
from shared.coordination.approvals import Approval, Approvals
from shared.coordination.history import History
from shared.coordination.tasks import Task, Tasks
from shared.coordination.tenants import Tenants
from shared.runtime.services import Services
from shared.store.database import Unit
from shared.store.orchestration import approvals

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
PREPARE, RANK = by_name()["agent-hitl-coordinator"], by_name()["hitl-rank"]
REVIEWERS = [{"user_id": "ann", "skills": ["order"]}, {"user_id": "bob"}]


T = TypeVar("T")


def _committed(services: Services, handle: Callable[[], Iterable[T]]) -> list[T]:
    try:
        happened = list(handle())
        services.unit.commit()
    finally:
        services.unit.close()
    return happened


class World:
    """One database, a clock that a test moves, and calls of the functions as the runtime makes them."""

    def __init__(self) -> None:
        self.now = NOW

    def services(self, spec: FunctionSpec = PREPARE, tenant: str = "demo") -> Services:
        context = Context("e-1", "/test", tenant, "", "c-1", self.now)
        return Services(spec, context, Unit("orchestration"), now=lambda: self.now)

    def call(self, event: Event, tenant: str = "demo", engine: Any = None) -> list[Event]:
        """What both functions say to it, the coordinator first."""
        return [*self.prepare(event, tenant, engine), *self.rank(event, tenant)]

    def prepare(self, event: Event, tenant: str = "demo", engine: Any = None) -> list[Event]:
        services = self.services(tenant=tenant)
        if engine is not None:
            services.engine = engine
        return _committed(services, lambda: prepare.handle(event, services))

    def rank(self, event: Event, tenant: str = "demo") -> list[Event]:
        services = self.services(RANK, tenant)
        return _committed(services, lambda: rank.handle(event, services))

    def write(self, change: Callable[[Unit], object]) -> None:
        unit = Unit("orchestration")
        try:
            change(unit)
            unit.commit()
        finally:
            unit.close()

    def set(self, tenant: str = "demo", **document: Any) -> None:
        self.write(lambda unit: Tenants(unit, lambda: self.now).save(tenant, document, "admin"))

    def wait(self, name: str, amount: str | None = "6200.00", tenant: str = "demo", **more: Any) -> HITLRequested:
        """Open a request of a new task; returns the fact."""
        data: dict[str, Any] = {"order_id": f"o-{name}", "email": "a@b.example"} | more.pop("data", {})
        if amount is not None:
            data |= {"amount": amount, "currency": more.pop("currency", "EUR")}
        approval = self.approval(name, tenant, data, amount, **more)
        task = Task(
            f"t-{name}", tenant, approval.task_type, "awaiting_approval", approval.role, "auto_orders", data, {},
            more.get("created_by", "shop"), approval.created_at, approval.created_at,
        )  # fmt: skip

        def add(unit: Unit) -> None:
            Tasks(unit, tenant, lambda: self.now).add(task)
            History(unit, tenant, lambda: self.now).remember(task)
            Approvals(unit, tenant, lambda: self.now).open(approval)

        self.write(add)
        return HITLRequested(
            request_id=name, task_id=task.id, task_type=task.type, kind="approval", urgency=approval.urgency,  # type: ignore[arg-type]  # a word of the table
            triggers=tuple(approval.triggers), expires_at=approval.expires_at,
        )  # fmt: skip

    def approval(self, name: str, tenant: str, data: dict[str, Any], amount: str | None, **more: Any) -> Approval:
        financial = None if amount is None else {"amount": amount, "currency": data["currency"]}
        kept = {key: value for key, value in more.items() if key != "created_by"}
        plain = Approval(
            id=name,
            tenant=tenant,
            task_id=f"t-{name}",
            task_type="order",
            kind="approval",
            urgency="low",
            triggers=["high_value_transaction"],
            reasons=[
                {"rule": "order_high_value", "field": "amount", "actual": f"{amount} EUR", "limit": "5000.00 EUR"}
            ],
            task_data=data,
            ai_recommendation="",
            ai_confidence=None,
            estimated_impact={"financial": financial, "customer_satisfaction": "normal"},
            context={},
            action={"do": "work", "role": "payment_validator", "data": data},
            action_hash="h",
            policy_version="p",
            step=0,
            role="payment_validator",
            created_at=self.now,
            expires_at=self.now + timedelta(hours=24),
        )
        return replace(plain, **kept)

    def request(self, name: str, tenant: str = "demo") -> Approval:
        unit = Unit("orchestration")
        try:
            return Approvals(unit, tenant, lambda: self.now).get(name)
        finally:
            unit.close()

    def decide(self, name: str, reviewer: str = "ann", decision: str = "approve") -> HITLDecided:
        def change(unit: Unit) -> None:
            store = Approvals(unit, "demo", lambda: self.now)
            store.decide(store.get(name), decision, reviewer, "", None, None)

        self.write(change)
        return HITLDecided(
            request_id=name, task_id=f"t-{name}", task_type="order", decision=decision, reviewer=reviewer,  # type: ignore[arg-type]  # a word of the table
            minutes_waited=1, timestamp=self.now,
        )  # fmt: skip

    def ranks(self, tenant: str = "demo") -> list[str]:
        """The waiting requests by the place that their notes give."""
        unit = Unit("orchestration")
        query = select(approvals.c.id, approvals.c.notes).where(approvals.c.tenant == tenant)
        rows = unit.read().execute(query.where(approvals.c.status == "pending")).all()
        unit.close()
        return [row.id for row in sorted(rows, key=lambda row: row.notes["rank"])]


def timer() -> TimerFired:
    return TimerFired(function=RANK.name, due_at=NOW)


def notes_of(world: World, name: str) -> dict[str, Any]:
    return dict(world.request(name).notes or {})


def audited(happened: Iterable[Event], action: str) -> list[AuditNoted]:
    return [one for one in happened if isinstance(one, AuditNoted) and one.action == action]
