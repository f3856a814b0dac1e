"""Looks up in a tenant's own tasks what a request's data does not say; what they do not say either stays unknown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared.coordination.task_keys import CUSTOMER_KINDS, keys_of
from shared.errors import Invalid
from shared.tools.reading import moment

if TYPE_CHECKING:
    from shared.coordination.history import History, Seen

MOST_RELATED = 20
#: Earlier tasks of the same customer or order whose data is read.
MOST_READ = 5


@dataclass
class TenantLookup:
    """One context's look-ups (`shared.escalation.context.Lookup`); the task `but` itself is no history."""

    history: History
    but: str = ""
    _related: list[Seen] | None = field(default=None, repr=False)

    def find(self, name: str, data: Mapping[str, Any]) -> object | None:
        """The value of a context's field, None when the tasks do not tell."""
        look = FIELDS.get(name)
        return look(self, data) if look else None

    def related(self, data: Mapping[str, Any]) -> list[Seen]:
        """Tasks that share a key with this data, newest first; read once."""
        if self._related is None:
            self._related = self.history.tasks_with(keys_of(data), but=self.but)
        return self._related

    def customer_history(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """Earlier tasks of the same customer, counted; None where the data names no customer."""
        if not _names_customer(data):
            return None
        own = [seen for seen in self.related(data) if not set(CUSTOMER_KINDS).isdisjoint(seen.by)]
        spent: dict[str, Decimal] = defaultdict(Decimal)
        for seen in own:
            if seen.task_type == "order" and seen.amount:
                spent[seen.currency] += Decimal(seen.amount)
        return {
            "tasks": len(own),
            "by_type": dict(sorted(Counter(seen.task_type for seen in own).items())),
            "by_status": dict(sorted(Counter(seen.status for seen in own).items())),
            "ordered": {currency: f"{amount:f}" for currency, amount in sorted(spent.items())},
            "first_at": min(seen.at for seen in own).isoformat() if own else None,
            "last_at": max(seen.at for seen in own).isoformat() if own else None,
        }

    def related_orders(self, data: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Other orders that share a key (customer, card, device, address...), newest first; None without a key."""
        if not any(True for _ in keys_of(data)):
            return None
        orders = [seen for seen in self.related(data) if seen.task_type == "order"]
        return [
            {
                "task_id": seen.task_id,
                "at": seen.at.isoformat(),
                "status": seen.status,
                "amount": seen.amount or None,
                "currency": seen.currency or None,
                "shares": list(seen.by),
            }
            for seen in orders[:MOST_RELATED]
        ]

    def account_age_days(self, data: Mapping[str, Any]) -> int | None:
        """Whole days: from the account's creation, else from an age that an earlier task of the customer told.
        When a customer was first seen says nothing of the account, so nothing is made of that."""
        now = self.history.now()
        if (created := _created(data)) is not None:
            return max(0, (now - created).days)
        if not _names_customer(data):
            return None
        own = [seen for seen in self.related(data) if not set(CUSTOMER_KINDS).isdisjoint(seen.by)][:MOST_READ]
        for seen, earlier in zip(own, self.history.data_of([seen.task_id for seen in own]), strict=False):
            if (created := _created(earlier)) is not None:
                return max(0, (now - created).days)
            age = earlier.get("account_age_days")
            if isinstance(age, int) and not isinstance(age, bool) and age >= 0:
                return age + (now - seen.at).days
        return None

    def payment_method(self, data: Mapping[str, Any]) -> str | None:
        """The method of the first active payment: of this data, else of an earlier task of the same order."""
        for one in (data, *self._same_order(data)):
            if isinstance(given := one.get("payment_method"), str):
                return given
            payments = [each for each in one.get("payments") or () if isinstance(each, Mapping)]
            method = next((each.get("method") for each in payments if each.get("active", True)), None)
            if isinstance(method, str):
                return method
        return None

    def shipping_address(self, data: Mapping[str, Any]) -> object | None:
        """As an earlier task of the same order had it."""
        return self._from_same_order("shipping_address", data)

    def billing_address(self, data: Mapping[str, Any]) -> object | None:
        """As an earlier task of the same order had it."""
        return self._from_same_order("billing_address", data)

    def _from_same_order(self, name: str, data: Mapping[str, Any]) -> object | None:
        return next((one[name] for one in self._same_order(data) if one.get(name)), None)

    def _same_order(self, data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        ids = [seen.task_id for seen in self.related(data) if "order_id" in seen.by]
        yield from self.history.data_of(ids[:MOST_READ])


FIELDS: Mapping[str, Callable[[TenantLookup, Mapping[str, Any]], object | None]] = {
    "customer_history": TenantLookup.customer_history,
    "related_orders": TenantLookup.related_orders,
    "account_age_days": TenantLookup.account_age_days,
    "payment_method": TenantLookup.payment_method,
    "shipping_address": TenantLookup.shipping_address,
    "billing_address": TenantLookup.billing_address,
}


def _names_customer(data: Mapping[str, Any]) -> bool:
    return any(kind in CUSTOMER_KINDS for kind, _ in keys_of(data))


def _created(data: Mapping[str, Any]) -> datetime | None:
    try:
        given = data.get("account_created_at")
        return None if given is None else moment(given, "account_created_at")
    except Invalid:
        return None
