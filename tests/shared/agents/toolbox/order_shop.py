"""A small shop for the tests of the order roles: an order, the shop's settings, its past, and a role's work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.agents.case import Case, Conclusion
from shared.agents.playbook import conclude
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.tools.fraud import History

ROOT = Path(__file__).parents[4]
NOW = datetime(2026, 12, 11, 13, 30, tzinfo=UTC)  # a Friday, 14:30 in Berlin

ADDRESS = {
    "name": "Jonas Weber",
    "street": "Lindenstr. 5",
    "city": "Berlin",
    "postal_code": "10969",
    "country": "DE",
    "lat": 52.503,
    "lon": 13.396,
}


def shop() -> dict[str, Any]:
    """The settings of the demo shop."""
    settings: dict[str, Any] = json.loads((ROOT / "scripts/demo_shop/settings.json").read_text())
    products = json.loads((ROOT / "scripts/demo_shop/products.json").read_text())
    return settings | {"products": {product["sku"]: product for product in products}}


def payment(**changed: Any) -> dict[str, Any]:
    """A card payment of 90.00 EUR, captured, proven by 3-D Secure."""
    card = {"bin": "411111", "last4": "1111", "exp_month": 9, "exp_year": 2029, "brand": "visa"}
    base = {
        "id": "pay-1",
        "psp_reference": "psp-1",
        "method": "card",
        "active": True,
        "authorised": "90.00",
        "captured": "90.00",
        "refunded": "0",
        "currency": "EUR",
        "created": "2026-12-11T13:29:00Z",
        "card": card,
        "avs": "Y",
        "cvv": "M",
        "eci": "05",
        "trans_status": "Y",
    }
    return {**base, **changed}


def order(**changed: Any) -> dict[str, Any]:
    """An order of two head torches, 90.00 EUR with 0.20 EUR of shipping, paid, to Berlin."""
    line = {"sku": "LAMP-H", "quantity": 2, "unit_price_net": "37.731", "unit_price_gross": "44.90"}
    base = {
        "order_id": "A-1042",
        "placed_at": "2026-12-11T13:28:00Z",
        "amount": "90.00",
        "currency": "EUR",
        "email": "jonas@weber.example",
        "locale": "de-DE",
        "lines": [{**line, "tax_rate": "0.19", "total_gross": "89.80"}],
        "shipping_gross": "0.20",
        "discounts": [],
        "payments": [payment()],
        "shipping_address": ADDRESS,
        "billing_address": ADDRESS,
    }
    return {**base, **changed}


@dataclass
class FakePast:
    """A tenant's past in memory."""

    history: History = field(default_factory=History)
    orders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)

    @dataclass(frozen=True)
    class Seen:
        task_id: str

    def order_history(self, order: Mapping[str, Any]) -> History:
        return self.history

    def tasks_of(self, kind: str, value: str) -> list[Seen]:
        assert kind == "psp_reference"
        return [
            self.Seen(task_id)
            for task_id, data in self.orders.items()
            if any(one.get("psp_reference") == value for one in data["payments"])
        ]

    def data_of(self, task_ids: Sequence[str]) -> list[Mapping[str, Any]]:
        return [self.orders[task_id] for task_id in task_ids]

    def messages_said(self, order_id: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["about"] == order_id]

    def keep(self, conclusion: Conclusion, status: str = "ready") -> None:
        """Keep what a conclusion proposes to send, as `shared.coordination.messages` does."""
        for proposal in conclusion.proposals:
            if proposal.action == "send_message":
                row = {"id": f"m{len(self.messages)}", "status": status, **proposal.detail}
                self.messages.append(row)


def case_of(name: str, data: Mapping[str, Any], **more: Any) -> Case:
    """A case of a role, in the demo shop unless `settings` says otherwise."""
    base: dict[str, Any] = {"settings": shop(), "history": FakePast(), "now": NOW, "results": {}}
    return Case(
        role=name, task_id="task-1", task_type="order", data=data, tools=tools_of(role(name)), **{**base, **more}
    )


def work(name: str, data: Mapping[str, Any], **more: Any) -> Conclusion:
    """What a role concludes by its playbook, checked against its file and its output's types."""
    worker = role(name)
    conclusion = conclude(worker, case_of(name, data, **more))
    worker.output_model().model_validate(dict(conclusion.output))
    return conclusion


def chain(data: Mapping[str, Any], **more: Any) -> dict[str, Conclusion]:
    """The whole order: each role after the other, each with what those before found, as if nothing stopped it."""
    done: dict[str, Conclusion] = {}
    results: dict[str, Any] = {}
    name = "payment_validator"
    while name != "end":
        done[name] = work(name, data, results=results, **more)
        results[name] = {**done[name].output, "outcome": done[name].outcome}
        name = role(name).outcomes[done[name].outcome]
    return done
