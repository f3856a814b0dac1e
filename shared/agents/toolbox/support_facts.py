"""What a reply may say: facts from the tenant's own tasks and settings and from the roles before, each with its source.

1. Only of an order that is the customer's own, and only when it is plain which order is meant.
2. Only what was found there: a plan is a plan, and nothing "has left" because its day has come.
3. Nothing of an order that waits for a human or was stopped: why is for people to say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from shared.agents.case import Case
from shared.agents.toolbox.needs_support import Past, PastTask
from shared.agents.toolbox.support_triage import own_orders, support_document
from shared.coordination.task_keys import CUSTOMER_KINDS, keys_of
from shared.errors import Invalid
from shared.tools.reading import Fields

Fact = dict[str, Any]
#: Of an order in one of these states everything that its roles found may be told.
GOING_ON = frozenset({"queued", "running", "completed"})


def known_facts(case: Case, references: Mapping[str, Any]) -> list[Fact]:
    """[{key, value, source}], values JSON-able, the first of a key counts. `references` are triage's."""
    found = [*_of_roles(case), *_of_order(case, references), *_of_tenant(case)]
    first: dict[str, Fact] = {}
    for fact in found:
        first.setdefault(fact["key"], fact)
    return list(first.values())


def allowed_actions(case: Case) -> list[Mapping[str, Any]]:
    """What the roles before decided: [{action, amount?, currency?, days?}]."""
    return [one.data for role, result in case.results.items() for one in Fields.of(result, role).objects("allowed")]


def meant_order(case: Case, references: Mapping[str, Any]) -> str | None:
    """The order that the ticket is about: the only one of the customer's that it names, or, when it names none at
    all, the only one that the customer has."""
    if references["unknown_orders"]:
        return None
    named = references["order_ids"] or own_orders(case)
    return named[0] if len(named) == 1 else None


def _of_roles(case: Case) -> Iterator[Fact]:
    for role, result in case.results.items():
        for one in Fields.of(result, role).objects("facts"):
            value = one.data.get("value")
            yield {"key": one.text("key"), "value": value, "source": one.maybe_text("source") or role}


def _of_tenant(case: Case) -> Iterator[Fact]:
    link = Fields.of(case.settings, "settings").maybe_text("support_link")
    if link:
        yield {"key": "support_link", "value": link, "source": "settings"}
    own = Fields.of(support_document(case).get("facts") or {}, "settings.support.facts")
    for key in own.data:
        yield {"key": key, "value": own.text(key), "source": "settings.support.facts"}


def _of_order(case: Case, references: Mapping[str, Any]) -> Iterator[Fact]:
    order_id, past = meant_order(case, references), case.history
    task = _own_task(case, past, order_id) if past and order_id else None
    if task is None:
        return
    yield {"key": "order_id", "value": order_id, "source": "order"}
    if task.status in GOING_ON:
        yield from _of_plan(task, case.now.date())
        yield from _of_payment(task)


def _own_task(case: Case, past: Past, order_id: str) -> PastTask | None:
    """The order's task, if its own data names this customer: somebody else's may have the same number."""
    task = past.last_task("order_id", order_id, "order")
    if task is None:
        return None
    mine, theirs = ({key for key in keys_of(data) if key[0] in CUSTOMER_KINDS} for data in (case.data, task.data))
    return task if mine & theirs else None


def _of_plan(task: PastTask, today: dt.date) -> Iterator[Fact]:
    """When the whole order ships, and arrives at the latest; nothing while a part is short or when the day to ship has
    passed. The earliest day is no fact: a draft that names it as the day of arrival would pass as true."""
    plan = _output(task, "fulfilment_planner")
    shipments = plan.objects("shipments")
    if not shipments or plan.objects("short"):
        return
    ships = max(_day(one, "ships") for one in shipments)
    if ships < today:
        return
    days = {
        "ship_date": ships,
        "latest": max(_day(one, "latest") for one in shipments),
    }
    for key, day in days.items():
        yield {"key": key, "value": day.isoformat(), "source": "fulfilment_planner"}


def _of_payment(task: PastTask) -> Iterator[Fact]:
    """That the whole amount is paid, no more and no less, and since when."""
    if _output(task, "payment_validator").maybe_text("status") != "paid":
        return
    order = Fields.of(task.data, "order")
    paid = {"amount": str(order.decimal("amount")), "currency": order.text("currency")}
    yield {"key": "paid", "value": paid, "source": "payment_validator"}
    created = [moment for one in order.objects("payments") if (moment := one.maybe_moment("created"))]
    if created:
        yield {"key": "paid_at", "value": max(created).date().isoformat(), "source": "order"}


def _output(task: PastTask, role: str) -> Fields:
    entry = task.result_of(role)
    return Fields.of(entry["output"] if entry else {}, role)


def _day(shipment: Fields, name: str) -> dt.date:
    text = shipment.text(name)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Invalid.field(shipment.at(name), "must be a date like 2026-12-24") from None
