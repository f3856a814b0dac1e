"""Facts that nobody can use, among those that everybody needs."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from shared.bus.port import DeadLetter, Message
from tests.flows.counting import count
from tests.flows.platform import Platform, wait_for
from tests.flows.samples import order
from tests.flows.test_orders import placed, publish, task_of

pytestmark = pytest.mark.flow


def dead_fact(shop: Platform, topic: str, said: bytes, group: str) -> DeadLetter:
    """The dead letter that a group of readers made of a fact with these bytes in it."""

    def ask() -> DeadLetter | None:
        with shop.bus() as bus:
            dead = bus.dead_letters(topic, 500).items
        return next((letter for letter in dead if said in letter.message.body and letter.group == group), None)

    found = wait_for(ask, f"{said!r} to be given up by {group}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("topic", "readers"), [("domain.orders", ("tasks-react", "audit-record")), ("ai.decisions", ("audit-record",))]
)
def test_a_fact_that_is_none_dies_alone(shop: Platform, topic: str, readers: tuple[str, ...]) -> None:
    """Put on the topic past everything that checks: each reader gives it up with the reason, and every fact before,
    beside and behind it is on record, an order's among them."""
    rubbish = f"no fact {secrets.token_hex(4)}".encode()
    first = order()
    assert publish(shop, placed(first)).status_code == 202
    with shop.bus() as bus:
        bus.send([], [(topic, Message(secrets.token_hex(8), rubbish, key=key)) for key in ("demo", "a", "b", "c")])
    second = order()
    assert publish(shop, placed(second)).status_code == 202
    for reader in readers:
        assert "400" in dead_fact(shop, topic, rubbish, reader).reason
    count(shop, [task_of(shop, data["order_id"])["id"] for data in (first, second)])


def test_a_payment_for_an_order_that_never_comes_waits_and_then_rests_with_the_reason(shop: Platform) -> None:
    """It may only have overtaken its order, so it is tried again; meanwhile other orders go through, and in the end
    a person finds it among the dead letters. The record has it all the same: it was said."""
    lost = order()
    payment: dict[str, Any] = {"order_id": lost["order_id"], "payment_id": "p-1", "amount": "1.00", "currency": "EUR"}
    payment |= {"status": "captured", "payments": lost["payments"]}
    event = placed(lost, id=f"lost-{lost['order_id']}", type="bizosaas.commerce.PaymentProcessed.v1", data=payment)
    assert publish(shop, event).status_code == 202
    others = [order() for _ in range(3)]
    for data in others:
        assert publish(shop, placed(data)).status_code == 202
    ids = [task_of(shop, data["order_id"])["id"] for data in others]
    letter = dead_fact(shop, "domain.orders", lost["order_id"].encode(), "tasks-react")
    assert f"no order '{lost['order_id']}' is known" in letter.reason
    count(shop, ids)
    assert shop.rows("audit", "SELECT count(*) FROM record WHERE event_id = ?", event["id"]) == [(1,)]


def test_a_payment_that_overtakes_its_order_finds_it(shop: Platform) -> None:
    """The payment comes first and says that the money is there; the order, unpaid as it was placed, is done."""
    before, data = order(), order()
    assert publish(shop, placed(before)).status_code == 202
    task_of(shop, before["order_id"])  # whoever works on orders is awake: the payment waits for seconds only
    payment: dict[str, Any] = {"order_id": data["order_id"], "payment_id": "p-1", "amount": data["amount"]}
    payment |= {"currency": "EUR", "status": "captured", "payments": data["payments"]}
    paid = placed(data, id=f"paid-{data['order_id']}", type="bizosaas.commerce.PaymentProcessed.v1", data=payment)
    # Another partition key, as a backend that keys by payment has it: else the order would wait behind its payment.
    paid["partitionkey"] = f"payment-{secrets.token_hex(4)}"
    while _partition(paid["partitionkey"]) == _partition(data["order_id"]):
        paid["partitionkey"] = f"payment-{secrets.token_hex(4)}"
    assert publish(shop, paid).status_code == 202
    assert publish(shop, placed(data | {"payments": []})).status_code == 202
    second = task_of(shop, data["order_id"], 1)
    assert second["status"] == "completed", second["reasons"]
    count(shop, [second["id"]])


def _partition(key: str) -> int:
    from shared.bus.partition import partition_for

    return partition_for(f"demo/{key}", 3)
