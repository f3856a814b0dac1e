"""The reviewer's context: given, looked up, or missing, and never filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.escalation.context import context_for


@dataclass
class Stores:
    """The stores of a tenant that knows these fields; remembers what it was asked."""

    known: Mapping[str, Any]
    asked: list[str] = field(default_factory=list)

    def find(self, field: str, data: Mapping[str, Any]) -> object | None:
        """What the stores know of the customer."""
        self.asked.append(field)
        return self.known.get(field) if data.get("customer_id") == "c1" else None


def test_what_is_given_is_taken_and_the_rest_is_looked_up() -> None:
    stores = Stores({"account_age_days": 400, "payment_method": "card", "related_orders": []})
    data = {"customer_id": "c1", "payment_method": "sepa", "shipping_address": {"city": "Łódź"}}
    context = context_for("order", data, stores)
    assert context == {
        "payment_method": "sepa",
        "shipping_address": {"city": "Łódź"},
        "account_age_days": 400,
        "related_orders": [],
        "sources": {
            "related_orders": "lookup",
            "account_age_days": "lookup",
            "payment_method": "data",
            "shipping_address": "data",
        },
        "missing": ["customer_history", "billing_address"],
    }
    assert stores.asked == ["customer_history", "related_orders", "account_age_days", "billing_address"]


def test_without_stores_what_is_not_given_is_missing() -> None:
    assert context_for("order", {"related_orders": None}) == {
        "sources": {},
        "missing": ["customer_history", "related_orders", "account_age_days", "payment_method", "shipping_address",
                    "billing_address"],
    }  # fmt: skip


def test_only_an_order_has_a_payment_method_and_addresses() -> None:
    data = {"payment_method": "card", "account_age_days": 0}
    context = context_for("support_ticket", data)
    assert context["account_age_days"] == 0
    assert context["missing"] == ["customer_history", "related_orders"]
    assert "payment_method" not in context
