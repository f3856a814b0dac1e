"""What a tenant's tasks say of its tickets: by tenant, by time, by customer, and nothing of what came later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from shared.coordination.history import History
from shared.coordination.tasks import Task, Tasks
from shared.coordination.tickets import FEWEST_JUDGED, MOST_COMPARED, Tickets, customer_of
from shared.store.database import Unit, engine
from shared.store.orchestration import samples
from shared.tools.known_ticket import OpenTicket
from shared.tools.ticket import Confirmed

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
ANNA: dict[str, Any] = {"customer_id": "c-1", "email": "Anna@home.example"}


class Store:
    """A tenant's tasks on one real database."""

    def __init__(self, tenant: str = "demo") -> None:
        self.unit, self.tenant = Unit("orchestration"), tenant
        self.history = History(self.unit, tenant, lambda: NOW)
        self.tickets = self.history.tickets

    def add(
        self, task_id: str, at: datetime = NOW, status: str = "queued", kind: str = "support_ticket", **data: Any
    ) -> None:
        task = Task(task_id, self.tenant, kind, status, "r", "q", data, {}, "u", at, at)
        Tasks(self.unit, self.tenant, lambda: NOW).add(task)
        self.history.remember(task)

    def ticket(
        self, task_id: str, at: datetime = NOW, status: str = "queued", category: str = "delivery", **data: Any
    ) -> None:
        """A ticket that was triaged."""
        output = {"category": category, "text": f"text of {task_id}", "customer": customer_of(data)}
        task = Task(
            task_id, self.tenant, "support_ticket", status, "reply_drafter", "q", data, {}, "u", at, at,
            results=({"role": "ticket_triager", "outcome": "triaged", "output": output},),
        )  # fmt: skip
        Tasks(self.unit, self.tenant, lambda: NOW).add(task)
        self.history.remember(task)

    def sample(self, task_id: str, agreement: bool | None, labels: Mapping[str, Any], minute: int = 0) -> None:
        values: dict[str, Any] = {
            "request_id": f"r-{task_id}", "tenant": self.tenant, "task_id": task_id, "task_type": "support_ticket",
            "role": "ticket_triager", "triggers": [], "decision": "approve", "agreement": agreement,
            "ai_recommendation": "", "ai_confidence": None, "labels": dict(labels),
            "at": NOW + timedelta(minutes=minute),
        }  # fmt: skip
        self.unit.write().execute(insert(samples).values(**values))

    def earlier(self, task_id: str = "new", **data: Any) -> list[OpenTicket]:
        return self.tickets.earlier(task_id, data, NOW)


@pytest.fixture
def store(home: Path) -> Store:
    assert home
    return Store()


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def test_a_tenants_history_leads_to_its_tickets(store: Store) -> None:
    assert isinstance(store.tickets, Tickets)


def test_tickets_of_the_last_24_hours_count_whoever_wrote_them(store: Store) -> None:
    store.ticket("yesterday", ago(hours=23), "completed", email="bob@home.example")
    store.ticket("older", ago(hours=25), "queued", email="bob@home.example")
    store.add("new", **ANNA)
    assert store.earlier(**ANNA) == [
        OpenTicket("yesterday", "bob@home.example", "text of yesterday", "delivery", ago(hours=23), ended=True)
    ]


def test_older_tickets_count_while_they_are_open_and_the_customers_own(store: Store) -> None:
    store.ticket("by id", ago(days=9), "awaiting_approval", customer_id="c-1")
    store.ticket("by mail", ago(days=8), "queued", email="anna@HOME.example")
    store.ticket("ended", ago(days=7), "completed", **ANNA)
    store.ticket("bob", ago(days=6), "queued", email="bob@home.example")
    store.add("new", **ANNA)
    assert [one.id for one in store.earlier(**ANNA)] == ["by mail", "by id"]
    assert [one.ended for one in store.earlier(**ANNA)] == [False, False]


def test_what_came_later_or_is_not_triaged_yet_is_not_compared_with(store: Store) -> None:
    store.ticket("later", NOW + timedelta(seconds=1), **ANNA)
    store.add("raw", ago(hours=1), **ANNA)
    store.ticket("before", ago(hours=2), **ANNA)
    store.add("new", **ANNA)
    assert [one.id for one in store.earlier(**ANNA)] == ["before"]


def test_of_two_that_came_at_once_only_one_is_the_earlier(store: Store) -> None:
    store.ticket("a", **ANNA)
    store.ticket("b", **ANNA)
    assert [one.id for one in store.earlier("b", **ANNA)] == ["a"]
    assert store.earlier("a", **ANNA) == []


def test_another_tenants_tickets_and_orders_are_not_there(store: Store) -> None:
    foreign = History(store.unit, "other", lambda: NOW).tickets
    store.ticket("t", ago(hours=1), **ANNA)
    store.add("o", kind="order", order_id="1042", **ANNA)
    store.sample("t", True, {})
    assert foreign.earlier("new", ANNA, NOW) == []
    assert foreign.orders_of(ANNA) == []
    assert foreign.confirmed() == []
    assert foreign.hourly_rate(NOW + timedelta(weeks=5)) is None


def test_no_more_than_the_newest_are_compared_with(store: Store) -> None:
    for number in range(MOST_COMPARED + 5):
        store.ticket(f"t-{number}", ago(minutes=number + 1), email="bob@home.example")
    found = store.earlier(**ANNA)
    assert (len(found), found[0].id) == (MOST_COMPARED, "t-0")


def test_the_usual_rate_is_the_mean_of_the_same_hour_of_the_week(store: Store) -> None:
    """5 weeks are on record; in their same hour came 3, 0, 2, 0 and 1 deliveries: 6 of 5 weeks."""
    store.ticket("first", ago(weeks=5, hours=2))
    for week, count in ((1, 3), (3, 2), (5, 1)):
        for number in range(count):
            store.ticket(f"{week}-{number}", ago(weeks=week, minutes=10 + number))
    store.ticket("another hour", ago(weeks=2, hours=1, minutes=1))
    store.ticket("a refund", ago(weeks=2, minutes=59), category="refund")
    store.ticket("now", ago(minutes=5))
    assert store.tickets.hourly_rate(NOW) == {"delivery": 6 / 5, "refund": 1 / 5}


def test_fewer_than_four_weeks_say_nothing_usual(store: Store) -> None:
    assert store.tickets.hourly_rate(NOW) is None
    store.ticket("first", ago(weeks=4, minutes=59))
    assert store.tickets.hourly_rate(NOW) is None
    store.ticket("earlier", ago(weeks=4, minutes=61))
    assert store.tickets.hourly_rate(NOW) == {"delivery": 1 / 4}


def test_a_category_is_confirmed_by_who_approves_it_or_names_another(store: Store) -> None:
    decided = [
        ("a", True, {}),
        ("b", False, {}),
        ("c", None, {}),
        ("d", False, {"category": "refund"}),
        ("e", True, {}),
    ]
    for minute, (task_id, agreement, labels) in enumerate(decided):
        store.ticket(task_id)
        store.sample(task_id, agreement, labels, minute)
    assert store.tickets.confirmed() == [
        Confirmed("text of a", "delivery"),
        Confirmed("text of d", "refund"),
        Confirmed("text of e", "delivery"),
    ]


def test_what_a_ticket_was_first_taken_for_counts_once_enough_are_judged(store: Store) -> None:
    """The lower Wilson bound of 1 right of 1 is 0.21: one approval would send every later ticket to a human."""
    for number in range(FEWEST_JUDGED):
        store.ticket(str(number))
        store.sample(str(number), True, {}, number)
    assert store.tickets.confirmed() == [
        Confirmed(f"text of {n}", "delivery", "delivery") for n in range(FEWEST_JUDGED)
    ]


def test_a_customers_orders_are_found_by_id_and_by_mail_newest_first(store: Store) -> None:
    store.add("o-1", ago(days=2), kind="order", order_id="1041", email="anna@home.example")
    store.add("o-2", ago(days=1), kind="order", order_id="1042", customer_id="c-1")
    store.add("o-3", kind="order", order_id="1043", email="bob@home.example")
    store.add("t", kind="support_ticket", order_id="1043", **ANNA)  # naming an order makes it nobody's own
    assert store.tickets.orders_of(ANNA) == ["1042", "1041"]
    assert store.tickets.orders_of({"email": "anna@home.example"}) == ["1041"]
    assert store.tickets.orders_of({"order_id": "1043"}) == []


@pytest.mark.parametrize(
    ("data", "customer"),
    [(ANNA, "c-1"), ({"email": "Anna@home.example"}, "anna@home.example"), ({"customer_id": 7}, "7"), ({}, None)],
)
def test_a_customer_is_told_by_id_else_by_mail(data: Mapping[str, Any], customer: str | None) -> None:
    assert customer_of(data) == customer


def test_each_question_takes_one_statement_and_the_rate_two(store: Store) -> None:
    store.ticket("t", ago(hours=1), **ANNA)
    store.unit.commit()
    said: list[str] = []
    listen = (engine("orchestration"), "before_cursor_execute", lambda *args: said.append(args[2]))
    event.listen(*listen)
    store.earlier(**ANNA)
    store.tickets.orders_of(ANNA)
    store.tickets.confirmed()
    assert len(said) == 3
    store.tickets.hourly_rate(NOW)
    event.remove(*listen)
    assert len(said) == 5
