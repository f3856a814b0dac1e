"""The past of an order for fraud screening, counted by the database: what `shared.tools.fraud_past.summarise` says of
all the tenant's orders, without reading them all.

An order counts when its data had an order_id: only then can it be told from itself later. Labels come from people's
decisions (`History.learn`). The amounts and quantities to compare with are the newest `order_queries.MOST_COMPARED`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Row, Select, insert, select

from shared.coordination import order_queries as queries
from shared.coordination.task_keys import CUSTOMER_KINDS, ORDER, keys_of
from shared.errors import Invalid
from shared.settings import settings
from shared.store.database import Unit
from shared.store.orchestration import task_keys
from shared.tools.fraud_history import Activity, History
from shared.tools.fraud_past import ENOUGH_OWN_ORDERS, MONTH, SETTLED_AFTER, WINDOWS, order_keys
from shared.tools.fraud_weights import FEWEST_AMOUNTS, Record, SignalCounts
from shared.tools.reading import Fields
from shared.tools.totals import order_amount

MOST_PAID = 20
#: With so many orders of 30 days, what is usual at a tenant is counted once in `KEPT_FOR`: counting takes longer with
#: each order, and changes less.
MANY_ORDERS, KEPT_FOR = 500, timedelta(minutes=1)
#: What the payment_validator says of an order whose money was there.
PAID = frozenset({"paid", "overpaid"})
#: Screening's names of the keys that tie orders together, by ours.
TIES = {"email": "email", "card_fingerprint": "card", "device_id": "device", "address": "address"}
_KEYS = task_keys.c


def order_history(unit: Unit, tenant: str, at: datetime, order: Mapping[str, Any]) -> History:
    """The history of an order at a moment. Raises Invalid naming a field of the order that cannot be read."""
    order_keys(order)  # refuses what screening refuses
    past = _Past(unit, tenant, at, order)
    own = past.own()
    compared: Sequence[Row[Any] | _Own] = own if len(own) >= FEWEST_AMOUNTS else past.newest()
    usual = past.usual()
    currency = order_amount(order).currency
    settled = [row for row in own if row.fraud or at - row.at > SETTLED_AFTER]
    return History(
        tenant=usual.record,
        customer=Record(len(settled), sum(row.fraud for row in settled)),
        paid_before=past.any_paid([row.task_id for row in own]),
        signals=past.signals(),
        activity=tuple(past.activity(usual)),
        links=tuple(past.links(usual)),
        amounts=tuple(Decimal(row.amount) for row in compared if row.currency == currency and row.amount),
        quantities=tuple(int(row.value) for row in compared),
    )


def signals_of(data: Mapping[str, Any]) -> list[str]:
    """The signals that stand on an order, of those that have a weight; none where its data cannot be read."""
    from shared.tools.fraud_signals import identity_facts, location_facts, payment_facts

    try:
        fields = Fields.of(data)
        facts = payment_facts(fields) | identity_facts(fields) | location_facts(fields)
    except Invalid:
        return []
    return sorted(name for name, stands in facts.items() if stands)


def note_fraud(unit: Unit, tenant: str, task_id: str, data: Mapping[str, Any], at: datetime) -> None:
    """Mark an order as a confirmed fraud, once."""
    order_id = dict(keys_of(data)).get("order_id", task_id)
    key = {"tenant": tenant, "kind": queries.FRAUD, "value": order_id, "task_id": task_id}
    known = select(_KEYS.at).where(*(_KEYS[name] == value for name, value in key.items()))
    if unit.write().execute(known).first() is None:
        row = {**key, "task_type": "order", "at": at, "amount": "", "currency": ""}
        unit.write().execute(insert(task_keys), [row])


class _Own(NamedTuple):
    """An order of the customer; `fraud` says whether people found that it was one."""

    task_id: str
    at: datetime
    amount: str
    currency: str
    value: str
    fraud: bool


class _Usual(NamedTuple):
    """What is usual at a tenant: its record, and by kind of key the orders and the e-mail addresses of one key in 30
    days."""

    record: Record
    orders: Mapping[str, float]
    emails: Mapping[str, float]


#: What is usual at large tenants, by database and tenant, and of when it is.
_kept: dict[tuple[str, str], tuple[datetime, _Usual]] = {}


class _Past:
    """A tenant's orders before a moment, without the order in question."""

    def __init__(self, unit: Unit, tenant: str, at: datetime, order: Mapping[str, Any]) -> None:
        found = dict(keys_of(order))
        self.unit, self.tenant, self.at = unit, tenant, at
        self.ties = {kind: found[kind] for kind in TIES if kind in found}
        self.customer = tuple(kind for kind in CUSTOMER_KINDS if kind in found)
        self.given: dict[str, Any] = {"of": tenant, "order": Fields.of(order).maybe_text("order_id") or ""}
        self.given |= {"until": at, "month": at - MONTH, "settled": at - SETTLED_AFTER}
        self.given |= {f"since_{window}": at - length for window, length in WINDOWS.items()}
        self.given |= {f"value_{kind}": value for kind, value in found.items()}

    def _rows(self, query: Select[Any] | CompoundSelect[Any], **more: Any) -> Sequence[Row[Any]]:
        return self.unit.read().execute(query, self.given | more).all()

    def own(self) -> list[_Own]:
        """The customer's orders, newest first."""
        if not self.customer:
            return []
        ids = [row.task_id for row in self._rows(queries.own(self.customer))]
        rows = self._rows(queries.of_tasks(), ids=ids) if ids else []
        frauds = {row.task_id for row in rows if row.kind == queries.FRAUD}
        return [
            _Own(row.task_id, row.at, row.amount, row.currency, row.value, row.task_id in frauds)
            for row in rows
            if row.kind == ORDER
        ]

    def newest(self) -> Sequence[Row[Any]]:
        """The tenant's newest orders."""
        return self._rows(queries.newest())

    def any_paid(self, task_ids: Sequence[str]) -> bool:
        """Whether the money of one of these orders was there."""
        if not task_ids:
            return False
        return any(
            entry["role"] == "payment_validator" and entry["outcome"] in PAID
            for row in self._rows(queries.results(), ids=task_ids[:MOST_PAID])
            for entry in row.results
        )

    def usual(self) -> _Usual:
        """What is usual at the tenant: counted anew, but for one with so many orders that the last minute's change
        nothing that can be seen."""
        place = (settings().databases[self.unit.context], self.tenant)
        since, kept = _kept.get(place, (None, None))
        if since is not None and kept is not None and timedelta(0) <= self.at - since < KEPT_FOR:
            return kept
        [row] = self._rows(queries.settled())
        active = self._rows(queries.active(tuple(TIES)))
        shared = self._rows(queries.emails_each(tuple(kind for kind in TIES if kind != "email")))
        # An order is settled once it is old enough, or known as a fraud.
        found = _Usual(
            Record(row.old + row.young, row.frauds),
            {each.kind: each.orders / each.keys for each in active},
            {each.kind: each.emails / each.keys for each in shared if each.keys},
        )
        if max((each.orders for each in active), default=0) >= MANY_ORDERS:
            _kept[place] = self.at, found
        return found

    def signals(self) -> dict[str, SignalCounts]:
        """How often each signal stood on labelled orders."""
        rows = self._rows(queries.labels())
        labelled = [(row.labels["fraud"], row.labels.get("signals", ())) for row in rows if "fraud" in row.labels]
        frauds = sum(fraud for fraud, _ in labelled)
        names = {name for _, signals in labelled for name in signals}
        hits = {name: [fraud for fraud, signals in labelled if name in signals] for name in names}
        return {
            name: SignalCounts(sum(stood), frauds, len(stood) - sum(stood), len(labelled) - frauds)
            for name, stood in hits.items()
        }

    def activity(self, usual: _Usual) -> list[Activity]:
        """Other orders of each key in 1 h, 24 h and 30 days, and how many are usual: the key's own
        mean once it has 5 earlier orders, else the tenant's per key that was active in 30 days."""
        counts = {row.kind: row for row in self._rows(queries.counts(tuple(self.ties)))} if self.ties else {}
        found = []
        for kind in self.ties:
            row = counts.get(kind)
            for window, length in WINDOWS.items():
                if row is None or row.total < ENOUGH_OWN_ORDERS:
                    rate = usual.orders[kind] * (length / MONTH) if kind in usual.orders else None
                else:
                    rate = row.total * (length / max(self.at - row.first, length))
                found.append(Activity(TIES[kind], window, getattr(row, f"in_{window}") if row else 0, rate))
        return found

    def links(self, usual: _Usual) -> list[Activity]:
        """Different e-mail addresses on the card, device and address in 30 days, this order's with them, and how
        many a key of that kind has."""
        kinds = tuple(kind for kind in self.ties if kind != "email")
        if not kinds:
            return []
        seen: dict[str, set[str]] = {kind: {self.ties["email"]} if "email" in self.ties else set() for kind in kinds}
        for row in self._rows(queries.emails_here(kinds)):
            seen[row.kind] |= {row.email} - {None}
        return [Activity(TIES[kind], "30d", len(seen[kind]), usual.emails.get(kind)) for kind in kinds]
