"""What a tenant's own tasks say: found by their keys, counted as screening counts, and never another tenant's."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from events.work import TrainingSample
from shared.coordination.history import History
from shared.coordination.task_keys import keys_of, money_of
from shared.coordination.tasks import Task, Tasks
from shared.errors import Invalid
from shared.store.database import Unit
from shared.store.orchestration import approvals, samples
from shared.tools.fraud_past import PastOrder, order_keys, summarise
from shared.tools.fraud_weights import Record, SignalCounts

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BERLIN = {"street": "Hauptstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
PARIS = {"street": "Rue Haute 2", "city": "Paris", "postal_code": "75001", "country": "FR"}


class Store:
    """A tenant's tasks and history on one real database."""

    def __init__(self, tenant: str = "demo") -> None:
        self.unit = Unit("orchestration")
        self.tenant, self.at, self.count = tenant, NOW, 0
        self.history = History(self.unit, tenant, lambda: self.at)
        self.tasks = Tasks(self.unit, tenant, lambda: self.at)

    def add(self, at: datetime = NOW, kind: str = "order", results: Any = (), **data: Any) -> Task:
        self.count += 1
        task = Task(
            id=f"{self.tenant}-{self.count}",
            tenant=self.tenant,
            type=kind,
            status="completed",
            role="payment_validator",
            queue="auto_orders",
            data=data,
            verdict={},
            created_by="u",
            created_at=at,
            updated_at=at,
            results=tuple(results),
        )
        self.tasks.add(task)
        self.history.remember(task)
        return task

    def learn(self, task: Task, *, fraud: bool, request: str = "") -> None:
        sample = TrainingSample(
            request_id=request or f"r-{task.id}",
            task_id=task.id,
            task_type=task.type,
            role="fraud_screener",
            triggers=("fraud_risk_detected",),
            decision="reject" if fraud else "approve",
            agreement=not fraud,
            ai_recommendation="accept",
            ai_confidence=0.8,
            labels={"fraud": fraud},
        )
        self.history.learn(sample)


@pytest.fixture
def store(home: Path) -> Store:
    assert home
    return Store()


def paid() -> list[Mapping[str, Any]]:
    return [{"role": "payment_validator", "outcome": "paid", "at": NOW.isoformat()}]


# keys


def test_the_keys_of_an_order() -> None:
    """E-mail in small letters, every reference, the address by street, postal code and country."""
    data = {
        "customer_id": 7,
        "email": "Ann@Example.com ",
        "order_id": "o-1",
        "card_fingerprint": "fp",
        "device_id": "dev",
        "shipping_address": BERLIN,
        "payments": [{"psp_reference": "p-1"}, {"psp_reference": "p-2"}, {"psp_reference": "p-1"}],
    }
    assert dict.fromkeys(keys_of(data)) == dict.fromkeys(
        [
            ("customer_id", "7"),
            ("order_id", "o-1"),
            ("email", "ann@example.com"),
            ("card_fingerprint", "fp"),
            ("device_id", "dev"),
            ("address", "hauptstr. 1|10115|de"),
            ("psp_reference", "p-1"),
            ("psp_reference", "p-2"),
        ]
    )


def test_keys_are_the_ones_that_screening_ties_orders_by() -> None:
    """The same values as `order_keys` of the fraud tools has them."""
    data = {"email": "A@B.example", "card_fingerprint": "c", "device_id": "d", "shipping_address": PARIS}
    ours = dict(keys_of(data))
    assert order_keys(data) == {
        "email": ours["email"],
        "card": ours["card_fingerprint"],
        "device": ours["device_id"],
        "address": ours["address"],
    }


@pytest.mark.parametrize(
    "data",
    [{"email": 5}, {"shipping_address": "Berlin"}, {"payments": [1, {"psp_reference": None}]}, {"order_id": "  "}],
)
def test_what_cannot_be_read_is_no_key(data: dict[str, Any]) -> None:
    """A wrong type says nothing, and the other keys are kept."""
    assert list(keys_of({**data, "device_id": "d"})) == [("device_id", "d")]


def test_long_values_stay_apart(store: Store) -> None:
    """More than 300 characters are kept as 300 that differ where the values do."""
    first = store.add(order_id="x" * 400 + "a")
    store.add(order_id="x" * 400 + "b")
    assert max(len(value) for _, value in keys_of(first.data)) == 300
    assert [seen.task_id for seen in store.history.tasks_of("order_id", "x" * 400 + "a")] == [first.id]


@pytest.mark.parametrize(
    ("data", "money"),
    [
        ({"amount": "12.50", "currency": "EUR"}, ("12.50", "EUR")),
        ({"amount": Decimal("3"), "currency": "JPY"}, ("3", "JPY")),
        ({"amount": 1.5, "currency": "EUR"}, ("", "")),
        ({"amount": "12.50", "currency": "euro"}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_the_money_beside_a_key(data: dict[str, Any], money: tuple[str, str]) -> None:
    """Exact text, or nothing."""
    assert money_of(data) == money


# finding


def test_the_last_task_of_an_order(store: Store) -> None:
    """The newest by its time, of the type asked for: a ticket about the order is not the order."""
    store.add(NOW - timedelta(days=2), order_id="o-1")
    newest = store.add(NOW - timedelta(days=1), order_id="o-1")
    ticket = store.add(NOW, "support_ticket", order_id="o-1")
    assert store.history.last_task("order_id", "o-1") == ticket
    assert store.history.last_task("order_id", "o-1", "order") == newest
    assert store.history.last_task("order_id", "o-2") is None


def test_the_tasks_of_a_customer_newest_first(store: Store) -> None:
    """With their money and state, since a moment, and not more than asked for."""
    old = store.add(NOW - timedelta(days=40), email="a@b.example", order_id="1", amount="5.00", currency="EUR")
    new = store.add(NOW - timedelta(days=1), email="A@B.example", order_id="2")
    found = store.history.tasks_of("email", "a@B.example")
    assert [seen.task_id for seen in found] == [new.id, old.id]
    assert (found[1].amount, found[1].currency, found[1].status, found[1].by) == (
        "5.00",
        "EUR",
        "completed",
        ("email",),
    )
    assert len(store.history.tasks_of("email", "a@b.example", since=NOW - timedelta(days=30))) == 1
    assert len(store.history.tasks_of("email", "a@b.example", limit=1)) == 1


def test_another_tenant_sees_nothing(store: Store) -> None:
    """Keys, samples, context and counts are the tenant's own."""
    order = {"order_id": "o-1", "email": "a@b.example", "amount": "10.00", "currency": "EUR"}
    task = store.add(NOW - timedelta(days=200), results=paid(), **order)
    store.learn(task, fraud=True)
    other = Store("other")
    other.unit = store.unit
    other.history = History(store.unit, "other", lambda: NOW)
    assert other.history.last_task("order_id", "o-1") is None
    assert other.history.tasks_of("email", "a@b.example") == []
    assert other.history.data_of([task.id]) == []
    assert other.history.decisions("fraud_screener", "order") == []
    found = other.history.order_history({**order, "order_id": "o-2"})
    assert (found.tenant, found.customer, found.paid_before, found.amounts) == (Record(), Record(), False, ())
    assert other.history.context_of("order", order)["customer_history"]["tasks"] == 0
    ours = store.history.order_history({**order, "order_id": "o-2"})
    assert (ours.tenant, ours.customer, ours.paid_before) == (Record(1, 1), Record(1, 1), True)


# order history


def random_order(chance: random.Random, number: int) -> dict[str, Any]:
    order: dict[str, Any] = {
        "order_id": f"o-{number}",
        "amount": f"{chance.randint(100, 99999) / 100:.2f}",
        "currency": chance.choice(["EUR", "EUR", "USD"]),
        "lines": [{"sku": "s", "quantity": chance.randint(1, 9)}],
    }
    for name, values in {
        "email": ["a@x.example", "b@x.example", "C@x.example", "d@x.example"],
        "customer_id": ["c-1", "c-2"],
        "card_fingerprint": ["f-1", "f-2", "f-3"],
        "device_id": ["d-1", "d-2"],
        "shipping_address": [BERLIN, PARIS],
    }.items():
        if chance.random() < 0.8:
            order[name] = chance.choice(values)
    return order


def past_order(task: Task, fraud: bool) -> PastOrder:
    data = task.data
    keys = order_keys(data)
    return PastOrder(
        order_id=data["order_id"],
        placed_at=task.created_at,
        amount=Decimal(data["amount"]),
        currency=data["currency"],
        customer_id=data.get("customer_id"),
        email=keys.get("email"),
        card=keys.get("card"),
        device=keys.get("device"),
        address=keys.get("address"),
        largest_quantity=data["lines"][0]["quantity"],
        paid=any(entry["outcome"] == "paid" for entry in task.results),
        fraud=fraud,
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_database_counts_what_screening_counts(store: Store, seed: int) -> None:
    """Over random orders of 300 days and of the last hours, the history is the one that `summarise` makes of all of
    them in memory (but for the signals, which come from labelled samples)."""
    chance = random.Random(seed)
    past = []
    for number in range(chance.choice([3, 25, 60])):
        age = chance.choice([timedelta(minutes=chance.randint(1, 180)), timedelta(hours=chance.randint(1, 7200))])
        task = store.add(NOW - age, results=paid() if chance.random() < 0.5 else (), **random_order(chance, number))
        fraud = chance.random() < 0.1
        if fraud:
            store.learn(task, fraud=True)
        past.append(past_order(task, fraud))
    store.add(NOW + timedelta(hours=1), **random_order(chance, 1000))  # later than the moment: not history
    for number in range(5):
        order = random_order(chance, 2000 + number)
        if number == 4:
            store.add(NOW, **order)  # stored already, as when a role's work is judged again
        expected, found = summarise(order, past, NOW), store.history.order_history(order)
        assert found.activity == expected.activity
        assert found.links == expected.links
        assert sorted(found.amounts) == sorted(expected.amounts)
        assert sorted(found.quantities) == sorted(expected.quantities)
        assert found[:3] == expected[:3]


def test_an_order_that_is_paid_later_is_one_order(store: Store) -> None:
    """Its second task takes the place of the first in every count, at the time of the first."""
    order = {"order_id": "o-1", "email": "a@b.example", "amount": "10.00", "currency": "EUR"}
    store.add(NOW - timedelta(hours=3), **order)
    second = store.add(NOW - timedelta(minutes=5), results=paid(), **order)
    found = store.history.order_history({**order, "order_id": "o-2"})
    assert [(one.window, one.seen) for one in found.activity] == [("1h", 0), ("24h", 1), ("30d", 1)]
    assert found.paid_before is True
    assert len(found.amounts) == 1
    assert store.history.last_task("order_id", "o-1") == second


def test_an_order_without_an_id_is_found_and_not_counted(store: Store) -> None:
    """It could not be told from itself when it is judged again."""
    order = {"email": "a@b.example", "amount": "10.00", "currency": "EUR"}
    store.add(NOW - timedelta(minutes=5), **order)
    assert [one.seen for one in store.history.order_history(order).activity] == [0, 0, 0]
    assert len(store.history.tasks_of("email", "a@b.example")) == 1


def test_a_field_that_screening_refuses_is_named(store: Store) -> None:
    """So that the classifier can say why the score is undecided."""
    with pytest.raises(Invalid, match="email"):
        store.history.order_history({"amount": "1.00", "currency": "EUR", "email": 5})


def test_labelled_signals_are_counted(store: Store) -> None:
    """Shipping to another country stood on one fraud of one and on one of two good orders."""
    elsewhere = {"billing_address": BERLIN, "shipping_address": PARIS, "amount": "1.00", "currency": "EUR"}
    at_home = {**elsewhere, "shipping_address": BERLIN}
    store.learn(store.add(order_id="1", **elsewhere), fraud=True)
    store.learn(store.add(order_id="2", **elsewhere), fraud=False)
    store.learn(store.add(order_id="3", **at_home), fraud=False)
    found = store.history.order_history({"order_id": "4", "amount": "1.00", "currency": "EUR"})
    assert found.signals["shipping_country_differs"] == SignalCounts(1, 1, 1, 2)


# learning


def test_a_sample_is_learned_once(store: Store) -> None:
    """The same sample twice is one row and one fraud."""
    task = store.add(order_id="1", email="a@b.example", amount="1.00", currency="EUR")
    for _ in range(2):
        store.learn(task, fraud=True)
    count = store.unit.read().execute(select(func.count()).select_from(samples)).scalar()
    assert count == 1
    order = {"order_id": "2", "email": "a@b.example", "amount": "1.00", "currency": "EUR"}
    assert store.history.order_history(order).customer == Record(1, 1)


def test_two_requests_of_one_task_are_one_fraud(store: Store) -> None:
    """Two samples, one confirmed order."""
    task = store.add(order_id="1", amount="1.00", currency="EUR")
    store.learn(task, fraud=True, request="r-1")
    store.learn(task, fraud=True, request="r-2")
    order = {"order_id": "2", "amount": "1.00", "currency": "EUR"}
    assert store.history.order_history(order).tenant == Record(1, 1)


def test_the_decisions_of_a_role(store: Store) -> None:
    """Confidence, triggers and agreement of each decided recommendation of that role and type."""
    store.learn(store.add(order_id="1"), fraud=False)
    store.learn(store.add(order_id="2"), fraud=True)
    found = store.history.decisions("fraud_screener", "order")
    assert sorted((one.agreed, one.confidence, list(one.triggers)) for one in found) == [
        (False, 0.8, ["fraud_risk_detected"]),
        (True, 0.8, ["fraud_risk_detected"]),
    ]
    assert store.history.decisions("payment_validator", "order") == []


def test_the_requests_that_stopped_waiting(store: Store) -> None:
    """Those of the last 90 days of this tenant, decided or lost; not those that wait."""
    for number, (status, decided, days) in enumerate(
        [("approved", "approve", 1), ("expired", "", 2), ("approved", "approve", 91), ("pending", "", None)]
    ):
        values: dict[str, Any] = {column.name: "" for column in approvals.columns}
        values |= {
            "id": f"r-{number}", "tenant": "demo", "task_type": "order", "status": status, "decision": decided,
            "urgency_rank": 2, "triggers": [], "reasons": [], "task_data": {}, "ai_confidence": None,
            "estimated_impact": {"financial": {"amount": "5.00", "currency": "EUR"}}, "context": {}, "action": {},
            "notes": {}, "step": 0, "created_at": NOW - timedelta(days=100), "expires_at": NOW, "agreement": None,
            "modified_action": None, "decided_at": None if days is None else NOW - timedelta(days=days),
        }  # fmt: skip
        store.unit.write().execute(insert(approvals).values(**values))
    assert sorted(one.status for one in store.history.reviews().requests) == ["approved", "expired"]
    assert History(store.unit, "other", lambda: NOW).reviews().requests == ()


# context


def test_the_context_of_a_known_customer(store: Store) -> None:
    """Counted and summed from the tenant's own tasks; this task is no history of itself."""
    common = {"email": "a@b.example", "currency": "EUR"}
    first = store.add(NOW - timedelta(days=10), order_id="1", amount="10.00", account_age_days=90, **common)
    store.add(NOW - timedelta(days=5), "support_ticket", email="a@b.example")
    task = store.add(NOW, order_id="2", amount="20.00", **common)
    context = store.history.context_for(task)
    assert context["customer_history"] == {
        "tasks": 2,
        "by_type": {"order": 1, "support_ticket": 1},
        "by_status": {"completed": 2},
        "ordered": {"EUR": "10.00"},
        "first_at": first.created_at.isoformat(),
        "last_at": (NOW - timedelta(days=5)).isoformat(),
    }
    assert [(one["task_id"], one["shares"]) for one in context["related_orders"]] == [(first.id, ["email"])]
    assert context["account_age_days"] == 100
    assert context["missing"] == ["payment_method", "shipping_address", "billing_address"]
    assert context["sources"] == dict.fromkeys(["customer_history", "related_orders", "account_age_days"], "lookup")


def test_what_the_data_says_is_not_looked_up(store: Store) -> None:
    """Given fields stand as they are, even an empty list."""
    given = {
        "customer_history": {"orders": 3},
        "related_orders": [],
        "account_age_days": 4,
        "payment_method": "card",
        "shipping_address": BERLIN,
        "billing_address": PARIS,
    }
    context = store.history.context_for(store.add(**given))
    assert {name: context[name] for name in given} == given
    assert (set(context["sources"].values()), context["missing"]) == ({"data"}, [])


def test_nothing_is_made_up_for_a_stranger(store: Store) -> None:
    """Without anything to look by, all of it is missing; a customer with no past has an account of unknown age."""
    assert store.history.context_for(store.add(kind="content"))["missing"] == [
        "customer_history",
        "related_orders",
        "account_age_days",
    ]
    stranger = store.history.context_for(store.add(kind="content", email="new@b.example"))
    assert (stranger["customer_history"]["tasks"], stranger["related_orders"]) == (0, [])
    assert stranger["missing"] == ["account_age_days"]


def test_addresses_come_from_the_same_order_only(store: Store) -> None:
    """Another order of the customer went elsewhere: that says nothing of this one."""
    payments = [{"method": "sepa", "active": False}, {"method": "card", "active": True}]
    store.add(order_id="1", email="a@b.example", shipping_address=BERLIN, payments=payments)
    other = store.history.context_for(store.add(order_id="2", email="a@b.example"))
    assert {"payment_method", "shipping_address", "billing_address"} <= set(other["missing"])
    again = store.history.context_for(store.add(order_id="1", email="a@b.example"))
    assert (again["shipping_address"], again["payment_method"]) == (BERLIN, "card")
    assert again["missing"] == ["account_age_days", "billing_address"]


@pytest.mark.parametrize(("created", "age"), [("2026-11-12T11:00:00Z", 10), ("2027-01-01T00:00:00Z", 0), ("x", None)])
def test_the_age_of_an_account_from_its_creation(store: Store, created: str, age: int | None) -> None:
    """Whole days; what is no time is no age."""
    context = store.history.context_for(store.add(email="a@b.example", account_created_at=created))
    assert context.get("account_age_days") == age
