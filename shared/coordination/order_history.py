"""The past of an order for fraud screening, counted by the database: what `shared.tools.fraud_past.summarise` says of
all the tenant's orders, without reading them all.

An order counts when its data had an order_id: only then can it be told from itself later. Labels come from people's
decisions (`History.learn`). The amounts and quantities to compare with are the newest `MOST_COMPARED`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, distinct, func, insert, or_, select

from shared.coordination.task_keys import CUSTOMER_KINDS, ORDER, keys_of
from shared.errors import Invalid
from shared.store.database import Unit
from shared.store.orchestration import samples, task_keys, tasks
from shared.tools.fraud_history import Activity, History
from shared.tools.fraud_past import ENOUGH_OWN_ORDERS, MONTH, SETTLED_AFTER, WINDOWS, order_keys
from shared.tools.fraud_weights import FEWEST_AMOUNTS, Record, SignalCounts
from shared.tools.reading import Fields
from shared.tools.totals import order_amount

FRAUD = "fraud"
MOST_COMPARED, MOST_OWN, MOST_PAID, MOST_LABELLED = 500, 500, 20, 1000
#: What the payment_validator says of an order whose money was there.
PAID = frozenset({"paid", "overpaid"})
#: Screening's names of the keys that tie orders together, by ours.
TIES = {"email": "email", "card_fingerprint": "card", "device_id": "device", "address": "address"}
_KEYS = task_keys.c


def order_history(unit: Unit, tenant: str, at: datetime, order: Mapping[str, Any]) -> History:
    """The history of an order at a moment. Raises Invalid naming a field of the order that cannot be read."""
    order_keys(order)  # refuses what screening refuses
    past = _Past(unit, tenant, at, Fields.of(order).maybe_text("order_id"))
    found = dict(keys_of(order))
    ties = {kind: found[kind] for kind in TIES if kind in found}
    own = past.own([(kind, found[kind]) for kind in CUSTOMER_KINDS if kind in found])
    compared: Sequence[Row[Any]] = own if len(own) >= FEWEST_AMOUNTS else past.newest()
    currency = order_amount(order).currency
    settled = [row for row in own if row.fraud is not None or at - row.at > SETTLED_AFTER]
    return History(
        tenant=past.tenant_record(),
        customer=Record(len(settled), sum(row.fraud is not None for row in settled)),
        paid_before=past.any_paid([row.task_id for row in own]),
        signals=past.signals(),
        activity=tuple(past.activity(ties)),
        links=tuple(past.links(ties)),
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
    key = {"tenant": tenant, "kind": FRAUD, "value": order_id, "task_id": task_id}
    known = select(_KEYS.at).where(*(_KEYS[name] == value for name, value in key.items()))
    if unit.write().execute(known).first() is None:
        row = {**key, "task_type": "order", "at": at, "amount": "", "currency": ""}
        unit.write().execute(insert(task_keys), [row])


class _Past:
    """A tenant's orders before a moment, without the order in question."""

    def __init__(self, unit: Unit, tenant: str, at: datetime, order_id: str | None) -> None:
        self.unit, self.tenant, self.at = unit, tenant, at
        self.same: list[str] = []
        if order_id:
            query = select(_KEYS.task_id).where(_KEYS.tenant == tenant, _KEYS.kind == "order_id")
            self.same = list(unit.read().execute(query.where(_KEYS.value == order_id)).scalars())

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self.unit.read().execute(query).all()

    def _orders(self, table: Any, *kinds: str) -> ColumnElement[bool]:
        """Keys of these kinds of the tenant's other orders before the moment."""
        parts = [table.c.tenant == self.tenant, table.c.task_type == "order", table.c.at <= self.at]
        parts.append(table.c.kind.in_(kinds))
        return and_(*parts, table.c.task_id.not_in(self.same)) if self.same else and_(*parts)

    def own(self, keys: Sequence[tuple[str, str]]) -> Sequence[Row[Any]]:
        """The customer's orders, newest first: task_id, at, amount, currency, value (largest quantity), fraud (its
        label's value, None without one)."""
        if not keys:
            return []
        order, label = task_keys.alias("o"), task_keys.alias("f")
        mine = or_(*(and_(_KEYS.kind == kind, _KEYS.value == value) for kind, value in keys))
        ids = select(_KEYS.task_id).where(self._orders(task_keys, *CUSTOMER_KINDS), mine)
        labelled = and_(label.c.tenant == self.tenant, label.c.task_id == order.c.task_id, label.c.kind == FRAUD)
        columns = [order.c[name] for name in ("task_id", "at", "amount", "currency", "value")]
        query = select(*columns, label.c.value.label("fraud")).join_from(order, label, labelled, isouter=True)
        query = query.where(order.c.tenant == self.tenant, order.c.kind == ORDER, order.c.task_id.in_(ids))
        return self._rows(query.order_by(order.c.at.desc(), order.c.task_id).limit(MOST_OWN))

    def newest(self) -> Sequence[Row[Any]]:
        """The tenant's newest orders: amount, currency, value (largest quantity)."""
        query = select(_KEYS.amount, _KEYS.currency, _KEYS.value).where(self._orders(task_keys, ORDER))
        return self._rows(query.order_by(_KEYS.at.desc(), _KEYS.task_id).limit(MOST_COMPARED))

    def any_paid(self, task_ids: Sequence[str]) -> bool:
        """Whether the money of one of these orders was there."""
        if not task_ids:
            return False
        query = select(tasks.c.results).where(tasks.c.tenant == self.tenant, tasks.c.id.in_(task_ids[:MOST_PAID]))
        return any(
            entry["role"] == "payment_validator" and entry["outcome"] in PAID
            for row in self.unit.read().execute(query)
            for entry in row.results
        )

    def tenant_record(self) -> Record:
        """Settled orders and frauds: an order is settled once it is old enough, or known as a fraud."""
        settled = self.at - SETTLED_AFTER
        old = select(func.count()).where(self._orders(task_keys, ORDER), _KEYS.at < settled).scalar_subquery()
        labels = select(func.count()).where(self._orders(task_keys, FRAUD))
        young = labels.where(_KEYS.at >= settled).scalar_subquery()
        row = self._rows(select(old.label("old"), young.label("young"), labels.scalar_subquery().label("frauds")))[0]
        return Record(row.old + row.young, row.frauds)

    def signals(self) -> dict[str, SignalCounts]:
        """How often each signal stood on labelled orders."""
        query = select(samples.c.labels).where(samples.c.tenant == self.tenant, samples.c.task_type == "order")
        rows = self._rows(query.order_by(samples.c.at.desc()).limit(MOST_LABELLED))
        labelled = [(row.labels["fraud"], row.labels.get("signals", ())) for row in rows if "fraud" in row.labels]
        frauds = sum(fraud for fraud, _ in labelled)
        names = {name for _, signals in labelled for name in signals}
        hits = {name: [fraud for fraud, signals in labelled if name in signals] for name in names}
        return {
            name: SignalCounts(sum(stood), frauds, len(stood) - sum(stood), len(labelled) - frauds)
            for name, stood in hits.items()
        }

    def activity(self, ties: Mapping[str, str]) -> list[Activity]:
        """Other orders of each key in 1 h, 24 h and 30 days, and how many are usual: the key's own
        mean once it has 5 earlier orders, else the tenant's per key that was active in 30 days."""
        counts = {row.kind: row for row in self._counts(ties)}
        lacking = [kind for kind in ties if kind not in counts or counts[kind].total < ENOUGH_OWN_ORDERS]
        active = {row.kind: row.orders / row.keys for row in self._active(lacking)}
        found = []
        for kind in ties:
            row = counts.get(kind)
            for window, length in WINDOWS.items():
                rate = active[kind] * (length / MONTH) if kind in active else None
                if row is not None and kind not in lacking:
                    rate = row.total * (length / max(self.at - row.first, length))
                found.append(Activity(TIES[kind], window, getattr(row, f"in_{window}") if row else 0, rate))
        return found

    def _counts(self, ties: Mapping[str, str]) -> Sequence[Row[Any]]:
        if not ties:
            return []
        in_window = [
            func.sum(case((_KEYS.at > self.at - length, 1), else_=0)).label(f"in_{window}")
            for window, length in WINDOWS.items()
        ]
        query = select(_KEYS.kind, func.count().label("total"), func.min(_KEYS.at).label("first"), *in_window)
        return self._rows(query.where(self._orders(task_keys, *ties), self._values(ties)).group_by(_KEYS.kind))

    def _active(self, kinds: Sequence[str]) -> Sequence[Row[Any]]:
        """Orders of the last 30 days, and different keys among them, of each kind."""
        if not kinds:
            return []
        query = select(_KEYS.kind, func.count().label("orders"), func.count(distinct(_KEYS.value)).label("keys"))
        recent = query.where(self._orders(task_keys, *kinds), _KEYS.at > self.at - MONTH)
        return self._rows(recent.group_by(_KEYS.kind))

    def links(self, ties: Mapping[str, str]) -> list[Activity]:
        """Different e-mail addresses on the card, device and address in 30 days, this order's with them, and how
        many a key of that kind has."""
        kinds = [kind for kind in ties if kind != "email"]
        if not kinds:
            return []
        here = self._emails(kinds).where(self._values({kind: ties[kind] for kind in kinds}))
        seen: dict[str, set[str]] = {kind: {ties["email"]} if "email" in ties else set() for kind in kinds}
        for row in self._rows(here):
            seen[row.kind].add(row.email)
        pairs = self._emails(kinds).subquery()
        each = select(pairs.c.kind, func.count().label("emails"), func.count(distinct(pairs.c.value)).label("keys"))
        usual = {row.kind: row.emails / row.keys for row in self._rows(each.group_by(pairs.c.kind))}
        return [Activity(TIES[kind], "30d", len(seen[kind]), usual.get(kind)) for kind in kinds]

    def _emails(self, kinds: Sequence[str]) -> Select[Any]:
        """(kind, value, email) of the last 30 days, each once."""
        mail = task_keys.alias("m")
        same = and_(mail.c.tenant == self.tenant, mail.c.task_id == _KEYS.task_id, mail.c.kind == "email")
        query = select(_KEYS.kind, _KEYS.value, mail.c.value.label("email")).join(mail, same)
        return query.where(self._orders(task_keys, *kinds), _KEYS.at > self.at - MONTH).distinct()

    def _values(self, ties: Mapping[str, str]) -> ColumnElement[bool]:
        return or_(*(and_(_KEYS.kind == kind, _KEYS.value == value) for kind, value in ties.items()))
