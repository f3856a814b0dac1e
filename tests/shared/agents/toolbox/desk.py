"""A small world for the support roles: a tenant's past as they ask for it, and a ticket's way through both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.agents.case import Case, Conclusion
from shared.agents.playbook import conclude
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.tools.known_ticket import OpenTicket
from shared.tools.ticket import Confirmed

NOW = datetime(2026, 12, 14, 9, tzinfo=UTC)
ANNA = {"email": "anna@home.example", "name": "Anna Weber"}
SETTINGS: Mapping[str, Any] = {
    "locale": "en_GB",
    "country": "DE",
    "time_zone": "Europe/Berlin",
    "sender": {"name": "Demo Shop", "email": "orders@shop.example"},
    "allowed_hosts": ["shop.example"],
}
PLAN = {"shipments": [{"ships": "2026-12-15", "earliest": "2026-12-17", "latest": "2026-12-18"}], "short": []}


@dataclass
class PastOrder:
    """An order's task: paid and planned, unless `outputs` says otherwise."""

    order_id: str = "1042"
    status: str = "completed"
    email: str = "anna@home.example"
    outputs: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"payment_validator": {"status": "paid"}, "fulfilment_planner": PLAN}
    )

    @property
    def data(self) -> Mapping[str, Any]:
        payments = [{"created": "2026-12-13T18:20:00Z"}]
        money = {"amount": "249.00", "currency": "EUR"}
        return {"order_id": self.order_id, "email": self.email, "payments": payments, **money}

    def result_of(self, name: str) -> Mapping[str, Any] | None:
        return {"output": self.outputs[name]} if name in self.outputs else None


@dataclass
class Past:
    """What `shared.coordination.history.History` says, from lists."""

    orders: Sequence[PastOrder] = ()
    others: Sequence[OpenTicket] = ()
    rates: Mapping[str, float] | None = None
    right: Sequence[Confirmed] = ()

    @property
    def tickets(self) -> Past:
        return self

    def earlier(self, task_id: str, data: Mapping[str, Any], now: datetime) -> Sequence[OpenTicket]:
        return self.others

    def hourly_rate(self, at: datetime) -> Mapping[str, float] | None:
        return self.rates

    def confirmed(self) -> Sequence[Confirmed]:
        return self.right

    def orders_of(self, data: Mapping[str, Any]) -> Sequence[str]:
        return [order.order_id for order in self.orders if order.email == data.get("email")]

    def last_task(self, kind: str, value: str, task_type: str = "") -> PastOrder | None:
        return next((order for order in self.orders if order.order_id == value), None)


def work(
    name: str,
    data: Mapping[str, Any],
    past: Past | None = None,
    draft: str = "",
    results: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] = SETTINGS,
) -> Conclusion:
    """A role's conclusion by its playbook; the playbook refuses one that does not fit the role's file."""
    worker = role(name)
    case = Case(name, "t-1", "support_ticket", data, settings, past, NOW, tools_of(worker), results or {}, draft)
    return conclude(worker, case)


def triage(message: str, past: Past | None = None, **data: Any) -> Conclusion:
    """The triager's conclusion on a message of Anna's."""
    return work("ticket_triager", {"message": message, **ANNA, **data}, past)


def answer(
    message: str, past: Past | None = None, draft: str = "", settings: Mapping[str, Any] = SETTINGS, **data: Any
) -> Conclusion:
    """The drafter's conclusion on a message of Anna's, after the triager's."""
    ticket = {"message": message, **ANNA, **data}
    found = work("ticket_triager", ticket, past, settings=settings)
    results = {"ticket_triager": {**found.output, "outcome": found.outcome}}
    return work("reply_drafter", ticket, past, draft, results, settings)


def stops(name: str, conclusion: Conclusion) -> bool:
    """Whether a human must see it before anything is done."""
    worker = role(name)
    risky = any(worker.actions[proposal.action].needs == "human" for proposal in conclusion.proposals)
    return bool(conclusion.escalations) or risky or conclusion.confidence < worker.min_confidence
