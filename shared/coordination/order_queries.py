"""The statements of `order_history`, made once for each shape: making one costs more than running it.

Their parameters: `of` the tenant, `order` the id of the order in question ("" for none), `until` the moment it is
looked at, `month` 30 days before, `settled` the moment before which an order is settled, `since_1h`, `since_24h` and
`since_30d`, and `value_<kind>` for each kind of key that a shape names.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    case,
    distinct,
    func,
    literal,
    or_,
    select,
    union,
)

from shared.coordination.task_keys import ORDER
from shared.store.orchestration import samples, task_keys, tasks
from shared.tools.fraud_past import WINDOWS

FRAUD = "fraud"
MOST_COMPARED, MOST_OWN, MOST_LABELLED = 500, 500, 1000
Kinds = tuple[str, ...]
_KEYS = task_keys.c
_OF: BindParameter[Any] = bindparam("of")
_UNTIL: BindParameter[Any] = bindparam("until")
_MONTH: BindParameter[Any] = bindparam("month")
_SETTLED: BindParameter[Any] = bindparam("settled")
_SAME = task_keys.alias("s")
#: The tasks of the order in question.
_SAME_ORDER = select(_SAME.c.task_id).where(
    _SAME.c.tenant == _OF, _SAME.c.kind == literal("order_id"), _SAME.c.value == bindparam("order")
)


def _others(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Keys of the tenant's other orders before the moment."""
    mine = and_(_KEYS.tenant == _OF, _KEYS.task_type == "order", _KEYS.at <= _UNTIL)
    return and_(mine, which, _KEYS.task_id.not_in(_SAME_ORDER))


def _orders(kinds: Sequence[str]) -> ColumnElement[bool]:
    """Any keys of these kinds."""
    return _others(_KEYS.kind.in_([literal(kind) for kind in kinds]))


def _alike(kinds: Sequence[str]) -> ColumnElement[bool]:
    """The order's own keys of these kinds."""
    return _others(or_(*(and_(_KEYS.kind == kind, _KEYS.value == bindparam(f"value_{kind}")) for kind in kinds)))


@cache
def own(kinds: Kinds) -> CompoundSelect[Any]:
    """(task_id, at) of the orders of the customer whom these kinds of keys name, newest first. One select a kind, for
    an index gives each: of an OR a database that has no statistics yet reads all of the tenant's keys."""
    query = union(*(select(_KEYS.task_id, _KEYS.at).where(_alike([kind])) for kind in kinds))
    return query.order_by(query.selected_columns.at.desc(), query.selected_columns.task_id).limit(MOST_OWN)


@cache
def of_tasks() -> Select[Any]:
    """What stands on the tasks `ids`: kind (an order, or its label as a fraud), task_id, at, amount, currency, value
    (largest quantity)."""
    columns = [_KEYS[name] for name in ("kind", "task_id", "at", "amount", "currency", "value")]
    these = _KEYS.task_id.in_(bindparam("ids", expanding=True))
    kinds = [literal(kind) for kind in (ORDER, FRAUD)]
    query = select(*columns).where(_KEYS.tenant == _OF, these, _KEYS.kind.in_(kinds))
    return query.order_by(_KEYS.at.desc(), _KEYS.task_id)


@cache
def newest() -> Select[Any]:
    """The tenant's newest orders: amount, currency, value (largest quantity)."""
    query = select(_KEYS.amount, _KEYS.currency, _KEYS.value).where(_orders([ORDER]))
    return query.order_by(_KEYS.at.desc(), _KEYS.task_id).limit(MOST_COMPARED)


@cache
def results() -> Select[Any]:
    """The results of the tasks `ids`."""
    return select(tasks.c.results).where(tasks.c.tenant == _OF, tasks.c.id.in_(bindparam("ids", expanding=True)))


@cache
def settled() -> Select[Any]:
    """(old, young, frauds): orders that are settled by their age, frauds that are younger, and all frauds."""
    old = select(func.count()).where(_orders([ORDER]), _KEYS.at < _SETTLED).scalar_subquery()
    labels = select(func.count()).where(_orders([FRAUD]))
    young = labels.where(_KEYS.at >= _SETTLED).scalar_subquery()
    return select(old.label("old"), young.label("young"), labels.scalar_subquery().label("frauds"))


@cache
def labels() -> Select[Any]:
    """What people said of orders, newest first."""
    query = select(samples.c.labels).where(samples.c.tenant == _OF, samples.c.task_type == "order")
    return query.order_by(samples.c.at.desc()).limit(MOST_LABELLED)


@cache
def counts(kinds: Kinds) -> Select[Any]:
    """Other orders with the same key, by kind: total, first, and in_1h, in_24h, in_30d."""
    in_window = [
        func.sum(case((_KEYS.at > bindparam(f"since_{window}"), 1), else_=0)).label(f"in_{window}")
        for window in WINDOWS
    ]
    query = select(_KEYS.kind, func.count().label("total"), func.min(_KEYS.at).label("first"), *in_window)
    return query.where(_alike(kinds)).group_by(_KEYS.kind)


@cache
def active(kinds: Kinds) -> Select[Any]:
    """Orders of the last 30 days, and different keys among them, of each kind."""
    query = select(_KEYS.kind, func.count().label("orders"), func.count(distinct(_KEYS.value)).label("keys"))
    return query.where(_orders(kinds), _KEYS.at > _MONTH).group_by(_KEYS.kind)


def _emails(which: ColumnElement[bool]) -> Select[Any]:
    """The e-mail address is looked up row by row, by the index on tasks: for a join, a database that has no statistics
    yet reads all addresses for each row."""
    mail = task_keys.alias("m")
    same = and_(mail.c.tenant == _OF, mail.c.task_id == _KEYS.task_id, mail.c.kind == literal("email"))
    email = select(mail.c.value).where(same).scalar_subquery()
    return select(_KEYS.kind, _KEYS.value, email.label("email")).where(which, _KEYS.at > _MONTH).distinct()


def emails(kinds: Kinds) -> Select[Any]:
    """(kind, value, email or None) of the last 30 days, each once."""
    return _emails(_orders(kinds))


@cache
def emails_here(kinds: Kinds) -> Select[Any]:
    """As `emails`, of the order's own keys."""
    return _emails(_alike(kinds))


@cache
def emails_each(kinds: Kinds) -> Select[Any]:
    """(kind, emails, keys): how many different pairs and keys there are of each kind."""
    pairs = emails(kinds).subquery()
    keys = func.count(distinct(case((pairs.c.email.is_not(None), pairs.c.value))))
    each = select(pairs.c.kind, func.count(pairs.c.email).label("emails"), keys.label("keys"))
    return each.group_by(pairs.c.kind)
