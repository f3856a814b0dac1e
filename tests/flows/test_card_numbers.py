"""A card number may come in by any door; nothing of the platform keeps it, and its work stops at a human."""

from __future__ import annotations

import secrets

import pytest

from tests.flows.platform import Platform
from tests.flows.samples import order
from tests.flows.test_orders import placed, publish, task_of

pytestmark = pytest.mark.flow
TOLD = "pay with 4111 1111 1111 1111, cvv 737"
MASKED = "pay with ****1111, cvv ****"
SECRETS = (b"4111 1111 1111 1111", b"cvv 737")


def assert_kept_nowhere(shop: Platform) -> None:
    kept = [path.name for path in shop.home.rglob("*") if path.is_file() and _holds(path.read_bytes())]
    assert kept == []


def _holds(content: bytes) -> bool:
    return any(secret in content for secret in SECRETS)


def test_in_an_event_of_a_backend(shop: Platform) -> None:
    """Masked before the fact is passed on: neither the bus nor the record has it, and the order waits for a human."""
    data = order(note=TOLD)
    assert publish(shop, placed(data)).status_code == 202
    task = task_of(shop, data["order_id"])
    assert (task["status"], task["triggers"]) == ("awaiting_approval", ["potential_policy_violation"])
    assert task["reasons"][0]["actual"] == ["card in order.note", "cvv in order.note"]
    assert task["data"]["note"] == MASKED
    assert_kept_nowhere(shop)


def test_in_a_payment_that_comes_later(shop: Platform) -> None:
    data = order()
    assert publish(shop, placed(data | {"payments": []})).status_code == 202
    assert task_of(shop, data["order_id"])["status"] == "completed"
    payment = {"order_id": data["order_id"], "payment_id": "p-1", "amount": data["amount"], "currency": "EUR"}
    payment |= {"status": "captured", "payments": [data["payments"][0] | {"note": TOLD}]}
    event = placed(data, id=f"paid-{secrets.token_hex(4)}", type="bizosaas.commerce.PaymentProcessed.v1", data=payment)
    assert publish(shop, event).status_code == 202
    task = task_of(shop, data["order_id"], 1)
    assert (task["status"], task["triggers"]) == ("awaiting_approval", ["potential_policy_violation"])
    assert_kept_nowhere(shop)


def test_in_the_words_of_a_task_and_of_those_who_decide_or_cancel_it(shop: Platform) -> None:
    body = {"type": "order", "data": order(), "description": TOLD, "expected_output": TOLD}
    answer = shop.call("POST", "/tasks", json=body)
    assert answer.json()["triggers"] == ["potential_policy_violation"]
    request = shop.request_of(answer.json()["id"])
    changed = request["action"] | {"data": request["task_data"] | {"note": TOLD}}
    decision = {"request_id": request["id"], "decision": "modify", "modified_action": changed, "notes": TOLD}
    decided = shop.call("POST", "/hitl/decision", json=decision).json()
    assert (decided["reviewer_notes"], decided["modified_action"]["data"]["note"]) == (MASKED, MASKED)
    other = shop.submit("order", order(amount="5000.01"))["id"]
    cancelled = shop.call("POST", f"/tasks/{other}/cancel", json={"why": TOLD})
    assert cancelled.json()["why"] == MASKED
    assert_kept_nowhere(shop)


def test_in_a_fact_that_starts_no_work_while_its_ids_stay(shop: Platform) -> None:
    """The record is for ever; two leads must not become one because their ids look like cards."""
    lead = {"lead_id": "4222222222222", "origin": TOLD, "attributes": {"cvv": "737"}}
    event = placed(order(), id=f"lead-{secrets.token_hex(4)}", type="bizosaas.customers.LeadCreated.v1", data=lead)
    assert publish(shop, event).status_code == 202
    shop.quiet()
    known = [item["data"] for item in shop.get("/audit?limit=200")["items"] if "LeadCreated" in item["type"]]
    (kept,) = [data for data in known if data["lead_id"] == lead["lead_id"]]
    assert (kept["lead_id"], kept["origin"]) == ("4222222222222", MASKED)
    assert kept["attributes"] == {"cvv": "****"}
    assert_kept_nowhere(shop)
