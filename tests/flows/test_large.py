"""An order too large for a message goes through the house, and no message or row holds it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.counting import count
from tests.flows.platform import Platform, wait_for
from tests.flows.samples import order
from tests.flows.test_orders import ENDS, placed, publish

pytestmark = pytest.mark.flow
NOTE = "Please ring twice. " * 60_000  # 1.1 MB


def ended(shop: Platform, order_id: str) -> Any:
    tasks = shop.get("/tasks?limit=200")["items"]
    return next((one for one in tasks if one["data"].get("order_id") == order_id and one["status"] in ENDS), None)


def test_a_large_order_is_done_and_recorded_like_any_other(shop: Platform) -> None:
    data = order(note=NOTE)
    assert publish(shop, placed(data)).status_code == 202
    task = wait_for(lambda: ended(shop, data["order_id"]), "the large order to end")
    assert task["status"] == "completed", task["reasons"]
    assert task["data"]["note"] == NOTE
    shop.quiet()
    longest = shop.rows("orchestration", "SELECT max(length(body)) FROM outbox")[0][0]
    assert longest < 300_000
    row = shop.rows("orchestration", "SELECT length(data), length(verdict) FROM tasks WHERE id = ?", task["id"])[0]
    assert max(row) < 300_000
    (fact,) = [one for one in shop.get("/audit?limit=200")["items"] if one["data"].get("order_id") == data["order_id"]]
    assert fact["data"]["order"]["note"] == NOTE
    count(shop, [task["id"]])


def test_a_large_task_that_waits_is_shown_whole_and_decided(shop: Platform) -> None:
    data = order(note=NOTE, amount="5000.01")
    task = shop.submit("order", data)
    request = shop.request_of(task["id"])
    assert request["task_data"]["note"] == NOTE
    body = {
        "request_id": request["id"],
        "decision": "reject",
        "notes": "too large",
        "action_hash": request["action_hash"],
    }
    assert shop.call("POST", "/hitl/decision", json=body).status_code == 200
    assert shop.task(task["id"], *ENDS)["status"] == "rejected"
    count(shop, [task["id"]])


def test_a_reference_from_outside_is_not_followed(shop: Platform) -> None:
    """With data it is refused by name, without it the event has no data."""
    event = placed(order(), dataref="sha256:" + "0" * 64)
    answer = publish(shop, event)
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "dataref")
    del event["data"]
    assert publish(shop, event).status_code == 400
