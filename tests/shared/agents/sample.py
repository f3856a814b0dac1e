"""A small role for tests: it checks the price of an order. Its tools compute over the case's data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.agents.case import Case, Conclusion, Escalation, Proposal, Tool
from shared.agents.role import Role
from shared.errors import Invalid
from shared.settings import ModelSettings, Settings

ROLE = Role.model_validate(
    {
        "name": "price_checker",
        "family": "orders",
        "queue": "auto_orders",
        "task_types": ["order"],
        "role": "Price checker",
        "goal": "See whether an order costs what its lines say.",
        "backstory": "You have checked prices for twenty years.",
        "tools": ["total", "deviation", "largest_line", "wording", "judge"],
        "playbook": ["total", "deviation", "wording"],
        "conclude": "judge",
        "output": {"total": "decimal", "deviation": "share", "body": "text"},
        "outcomes": {"agrees": "end", "differs": "end"},
        "actions": {"hold": {"needs": "human", "fields": ["order_id"]}, "note": {"needs": "safe"}},
        "timeout": 20,
    }
)


def total(case: Case) -> dict[str, Any]:
    """The sum of the lines."""
    lines = case.data.get("lines")
    if not lines:
        raise Invalid.field("data.lines", "must not be empty")
    amount = sum((Decimal(line["price"]) * line["quantity"] for line in lines), Decimal(0))
    return {"amount": amount, "currency": "EUR"}


def deviation(case: Case) -> float:
    """How far the order's amount is from the sum, as a share of the sum."""
    summed = case.get("total")["amount"]
    return float(abs(Decimal(case.data["amount"]) - summed) / summed)


def largest_line(case: Case) -> str:
    """The line that costs most; no playbook asks for it."""
    return str(max(case.data["lines"], key=lambda line: Decimal(line["price"]) * line["quantity"])["sku"])


def wording(case: Case) -> dict[str, Any]:
    """What the message to the customer promises that it must not."""
    if "impossible" in case.draft:
        raise Invalid.field("draft", "cannot be read")
    return {"promises": [word for word in ("guarantee", "refund") if word in case.draft], "looked_at": case.draft}


def judge(case: Case) -> Conclusion:
    """The conclusion: differs from a tenth of a percent on."""
    share, words = case.get("deviation"), case.get("wording")
    differs = share > 0.001
    return Conclusion(
        outcome="differs" if differs else "agrees",
        confidence=0.8,
        output={"total": str(case.get("total")["amount"]), "deviation": share, "body": case.draft or "Thank you."},
        summary=f"The lines come to {case.get('total')['amount']} EUR.",
        proposals=(Proposal("hold", {"order_id": case.data["order_id"]}),) if differs else (),
        escalations=tuple(Escalation("legal_review_required", "draft", word) for word in words["promises"]),
        signals={"price_deviation": share},
    )


TOOLS: Mapping[str, Tool] = {
    name: Tool(name, str(run.__doc__), run)
    for name, run in {
        "total": total,
        "deviation": deviation,
        "largest_line": largest_line,
        "wording": wording,
        "judge": judge,
    }.items()
}


def case(**data: Any) -> Case:
    """An order of 2 x 12.50 and 1 x 8.00 EUR: 33.00, as its amount says unless `data` says otherwise."""
    lines = [{"sku": "SHOE", "price": "12.50", "quantity": 2}, {"sku": "SOCK", "price": "8.00", "quantity": 1}]
    return Case(
        role=ROLE.name,
        task_id="task-1",
        task_type="order",
        data={"order_id": "A-1042", "amount": "33.00", "currency": "EUR", "lines": lines, **data},
        settings={"psp_secret": "tenant-secret"},
        history=None,
        now=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        tools=TOOLS,
    )


def settings(tmp_path: Any, base_url: str = "", **model: Any) -> Settings:
    """Settings with a model at this address; none without one."""
    return Settings(
        home=tmp_path,
        databases={},
        model=ModelSettings(name="test-model", base_url=base_url, api_key="sk-secret-key" if base_url else "", **model),
    )
