"""What a reviewer needs to see beside the task: taken from its data, else looked up, else listed as missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

CONTEXT_FIELDS = ("customer_history", "related_orders", "account_age_days")
ORDER_CONTEXT_FIELDS = (*CONTEXT_FIELDS, "payment_method", "shipping_address", "billing_address")


class Lookup(Protocol):
    """The tenant's own stores, asked for one field of a context."""

    def find(self, field: str, data: Mapping[str, Any]) -> object | None:
        """The field's value for the customer or order that `data` names; None when the stores do not know it."""
        ...


def context_for(task_type: str, data: Mapping[str, Any], lookup: Lookup | None = None) -> dict[str, Any]:
    """The context of a task: its fields by name, `sources` (field to "data" or "lookup") and `missing` names.

    An empty list that was given or found is an answer ("no related orders"); a null is none.
    """
    names = ORDER_CONTEXT_FIELDS if task_type == "order" else CONTEXT_FIELDS
    context: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name in names:
        value, source = data.get(name), "data"
        if value is None and lookup is not None:
            value, source = lookup.find(name, data), "lookup"
        if value is not None:
            context[name], sources[name] = value, source
    return {**context, "sources": sources, "missing": [name for name in names if name not in context]}
