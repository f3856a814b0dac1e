"""An order from the click to the end, and the ways in by which one comes."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.flows.counting import count
from tests.flows.platform import Platform, at_once, wait_for
from tests.flows.samples import AMOUNT, order, saleor_body

pytestmark = pytest.mark.flow
CHAIN = ["payment_validator", "fraud_screener", "fulfilment_planner", "order_communicator"]
ENDS = ("completed", "rejected", "failed", "awaiting_approval")
STRUCTURED = "application/cloudevents+json"


def task_of(shop: Platform, order_id: str, number: int = 0) -> Any:
    """The task that an event started for an order, the oldest first, once it has gone as far as it can."""
    query = "SELECT id FROM tasks WHERE json_extract(data, '$.order_id') = ? ORDER BY created_at"

    def ask() -> Any:
        found = shop.rows("orchestration", query, order_id)
        return found[number][0] if len(found) > number else None

    return shop.task(wait_for(ask, f"task {number} of {order_id}"), *ENDS)


def placed(of: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An OrderPlaced as a shop of its own sends it."""
    return {
        "specversion": "1.0",
        "id": f"event-{of['order_id']}",
        "source": "/shop",
        "type": "bizosaas.commerce.OrderPlaced.v1",
        "data": {
            "order_id": of["order_id"],
            "amount": of["amount"],
            "currency": of["currency"],
            "order": of,
        },
    } | changes


def publish(shop: Platform, event: Any, content: str = STRUCTURED) -> Any:
    return shop.call("POST", "/events", json=event, headers={"content-type": content})


def test_an_ordinary_order_is_done_by_four_roles_and_the_customer_knows(shop: Platform) -> None:
    """Payment, fraud, fulfilment, message: each role works once, on what those before it found, and one message is
    kept for the customer, in which the amount and the order stand."""
    data = order()
    accepted = shop.submit("order", data)
    assert (accepted["status"], accepted["role"], accepted["escalated"]) == ("queued", CHAIN[0], False)
    done = shop.task(accepted["id"], *ENDS)
    assert done["status"] == "completed", done["reasons"]
    assert [result["role"] for result in done["results"]] == CHAIN
    assert [result["outcome"] for result in done["results"]] == ["paid", "accept", "planned", "message"]
    assert {result["engine"] for result in done["results"]} == {"playbook"}
    assert {result["engine_reason"] for result in done["results"]} == {"no model is configured"}
    said = shop.rows("orchestration", "SELECT recipient, status, body FROM messages WHERE task_id = ?", done["id"])
    assert [(recipient, status) for recipient, status, _ in said] == [(data["email"], "ready")]
    assert AMOUNT in said[0][2]
    assert data["order_id"] in said[0][2]
    count(shop, [done["id"]])


def test_the_timeline_reads_from_the_click_to_the_end(shop: Platform) -> None:
    """In order, by whom, and page by page the same."""
    task = shop.submit("order", order())
    shop.task(task["id"], "completed")
    user = shop.get("/auth/me")["user"]["id"]
    path = f"/tasks/{task['id']}/events"
    whole = shop.get(path)["items"]
    assert [item["type"] for item in whole] == [
        "TaskSubmitted",
        "TaskAssigned",
        *["AgentCompleted", "TaskAssigned"] * 3,
        "AgentCompleted",
        "TaskEnded",
    ]
    assert {item["actor"] for item in whole} == {user}
    assert [item["data"]["role"] for item in whole if item["type"] == "AgentCompleted"] == CHAIN
    times = [item["time"] for item in whole]
    assert times == sorted(times)
    page = shop.get(f"{path}?limit=3")
    paged = page["items"]
    while page["next_cursor"]:
        page = shop.get(f"{path}?limit=3&cursor={page['next_cursor']}")
        paged += page["items"]
    assert paged == whole


def test_the_record_has_all_that_the_timeline_has(shop: Platform) -> None:
    """Every fact of the task stands in the audit record once, in one chain, with who caused it."""
    task = shop.submit("order", order())
    shop.task(task["id"], "completed")
    count(shop, [task["id"]])
    timeline = shop.get(f"/tasks/{task['id']}/events")["items"]
    record = shop.get(f"/audit?task_id={task['id']}&limit=200")["items"]
    assert sorted(entry["event_id"] for entry in record) == sorted(item["id"] for item in timeline)
    assert [entry["position"] for entry in record] == sorted(entry["position"] for entry in record)
    assert len({entry["correlation"] for entry in record}) == 1
    by_id = {entry["event_id"]: entry["data"] for entry in record}
    assert all(by_id[item["id"]] == item["data"] for item in timeline)


def test_the_agents_count_what_they_did(shop: Platform) -> None:
    """GET /agents: each role of the chain has done one more, and nobody works any longer."""

    def done() -> dict[str, int]:
        return {item["name"]: item["completed_24h"] for item in shop.get("/agents")["items"]}

    before = done()
    shop.task(shop.submit("order", order())["id"], "completed")
    after = done()
    assert {name: after[name] - before[name] for name in CHAIN} == dict.fromkeys(CHAIN, 1)
    states = shop.get("/agents/fraud_screener")
    assert (states["waiting"], states["running"]) == (0, 0)
    assert 0 < states["average_confidence_24h"] <= 1


def test_the_shops_webhook_starts_an_order_once(shop: Platform) -> None:
    """Saleor's body at POST /events; sent again, as webhooks are, it is the same order."""
    body = saleor_body()
    headers = {"saleor-event": "order_created"}
    answers = [shop.call("POST", "/events", json=body, headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {202}
    task = task_of(shop, body[0]["id"])
    assert task["cause"] == f"/saleor#{body[0]['id']}:order_created"
    assert [result["outcome"] for result in task["results"]][:1] == ["paid"]
    shop.quiet()
    assert len(shop.rows("orchestration", "SELECT 1 FROM tasks WHERE cause = ?", task["cause"])) == 1
    count(shop, [task["id"]])


def test_twenty_of_the_same_event_at_once_are_one_order(shop: Platform) -> None:
    """All are accepted, one fact is published, one task is made."""
    data = order()
    shop.token()
    answers = at_once(20, lambda _: publish(shop, placed(data)))
    assert {answer.status_code for answer in answers} == {202}
    task = task_of(shop, data["order_id"])
    assert task["status"] == "completed", task["reasons"]
    shop.quiet()
    facts = shop.rows("audit", "SELECT 1 FROM record WHERE event_id = ?", f"event-{data['order_id']}")
    tasks = shop.rows("orchestration", "SELECT 1 FROM tasks WHERE cause LIKE ?", f"%{data['order_id']}")
    assert (len(facts), len(tasks)) == (1, 1)
    count(shop, [task["id"]])


def test_the_three_ways_to_write_an_event_are_one(shop: Platform) -> None:
    """CloudEvents in structured, binary and batch mode; the same id in each is the same event."""
    data = order()
    event = placed(data)
    binary = {f"ce-{name}": value for name, value in event.items() if name != "data"}
    answers = [
        publish(shop, event),
        shop.call("POST", "/events", json=event["data"], headers={"content-type": "application/json", **binary}),
        publish(shop, [event, event], "application/cloudevents-batch+json"),
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [len(answer.json()["events"]) for answer in answers] == [1, 1, 2]
    count(shop, [task_of(shop, data["order_id"])["id"]])
    assert len(shop.rows("orchestration", "SELECT 1 FROM tasks WHERE cause LIKE ?", f"%{data['order_id']}")) == 1


def test_a_bad_event_in_a_batch_answers_for_itself(shop: Platform) -> None:
    """207: the good ones are taken, and each bad one is told its rule."""
    good, foreign = placed(order()), placed(order(), tenantid="other")
    ours = placed(order(), type="bizosaas.orchestration.TaskAssigned.v1")
    nameless = {name: value for name, value in placed(order()).items() if name != "id"}
    answer = publish(shop, [good, foreign, ours, nameless], "application/cloudevents-batch+json")
    assert answer.status_code == 207
    entries = answer.json()["events"]
    assert [entry["status"] for entry in entries] == [202, 403, entries[2]["status"], 400]
    assert entries[2]["status"] in (400, 422)
    count(shop, [task_of(shop, good["data"]["order_id"])["id"]])


def test_what_the_platform_says_of_itself_is_not_taken_from_outside(shop: Platform) -> None:
    """Nobody can send that a human decided, or in the name of one of our functions."""
    decided: dict[str, Any] = {
        "request_id": "r",
        "task_id": "t",
        "task_type": "order",
        "decision": "approve",
        "reviewer": "me",
    }
    decided |= {"minutes_waited": 1, "timestamp": "2026-11-22T09:00:00Z"}
    forged = placed(order(), type="bizosaas.orchestration.HITLDecided.v1", data=decided)
    assert publish(shop, forged).status_code == 422
    assert publish(shop, placed(order(), source="/bizosaas/tasks-create")).status_code == 422
    assert publish(shop, placed(order(), type="bizosaas.commerce.Unheard.v1")).status_code == 400
    assert publish(shop, placed(order(), specversion="0.3")).status_code == 400


def test_a_payment_that_comes_later_starts_the_check_again(shop: Platform) -> None:
    """An unpaid order ends with a message to the customer; its PaymentProcessed, sent twice, starts one new task
    with the same order, which then goes through. What was not sent yet and is not true any more goes."""
    paid = order()
    unpaid = paid | {"payments": []}
    assert publish(shop, placed(unpaid)).status_code == 202
    first = task_of(shop, paid["order_id"])
    assert [result["outcome"] for result in first["results"]][:1] == ["unpaid"], first
    assert first["status"] == "completed", first["reasons"]
    payment = {"order_id": paid["order_id"], "payment_id": "p-1", "amount": paid["amount"], "currency": "EUR"}
    payment |= {"status": "captured", "payments": paid["payments"]}
    event = placed(paid, id=f"paid-{secrets.token_hex(4)}", type="bizosaas.commerce.PaymentProcessed.v1", data=payment)
    assert [publish(shop, event).status_code for _ in range(2)] == [202, 202]
    second = task_of(shop, paid["order_id"], 1)
    assert second["status"] == "completed", second["reasons"]
    assert [result["outcome"] for result in second["results"]] == ["paid", "accept", "planned", "message"]
    count(shop, [first["id"], second["id"]])
    said = shop.rows("orchestration", "SELECT kind, task_id FROM messages WHERE about = ?", paid["order_id"])
    assert said == [("confirmation", second["id"])]


def test_a_task_that_is_cancelled_in_the_middle_ends_there(shop: Platform) -> None:
    """Whatever role works on it just then, nothing more is done, and cancelling again is a conflict."""
    ids = [shop.submit("order", order())["id"] for _ in range(5)]
    answers = {task: shop.call("POST", f"/tasks/{task}/cancel", json={"why": "not wanted"}) for task in ids}
    for task, answer in answers.items():
        assert answer.status_code in (200, 409)
        after = shop.task(task, "cancelled" if answer.status_code == 200 else "completed")
        assert shop.call("POST", f"/tasks/{task}/cancel", json={}).status_code == 409
        assert shop.get(f"/tasks/{task}")["results"] == after["results"]
    assert 200 in {answer.status_code for answer in answers.values()}
    count(shop, ids)


FOREIGN = "admin@other.example"


def test_another_tenant_sees_nothing_of_an_order(shop: Platform) -> None:
    """404 for its task, its timeline, its request, its cancellation and its decision; its record is empty; lists do
    not have it. The same as for an id that nobody has."""
    task = shop.submit("order", order(amount="5000.01"))["id"]
    request = shop.request_of(task)["id"]
    unknown = secrets.token_hex(16)
    for theirs, mine in ((task, request), (unknown, unknown)):
        calls: list[tuple[str, str, Any]] = [
            ("GET", f"/tasks/{theirs}", None),
            ("GET", f"/tasks/{theirs}/events", None),
            ("POST", f"/tasks/{theirs}/cancel", {}),
            ("GET", f"/hitl/requests/{mine}", None),
            ("POST", "/hitl/decision", {"request_id": mine, "decision": "approve"}),
        ]
        for method, path, body in calls:
            answer = shop.call(method, path, FOREIGN, json=body)
            assert answer.status_code == 404, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
    assert shop.get(f"/audit?task_id={task}", FOREIGN)["items"] == []
    assert task not in str(shop.get("/tasks?limit=200", FOREIGN))
    assert task not in str(shop.get("/hitl/pending?limit=200", FOREIGN))
    assert shop.get(f"/tasks/{task}")["status"] == "awaiting_approval"
    count(shop, [task])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"currency": "XXQ"}, "currency"),
        ({"fraud_score": "1.5"}, "fraud_score"),
    ],
)
def test_an_event_with_an_order_that_cannot_be_judged_is_refused_at_the_door(
    shop: Platform, change: dict[str, Any], field: str
) -> None:
    """Its sender hears which field is bad; it does not end among the dead letters, where nobody of theirs looks."""
    data = order(**change)
    answer = publish(shop, placed(data))
    assert answer.status_code == 422, answer.text
    assert [problem["field"].rpartition(".")[2] for problem in answer.json()["problems"]] == [field]
    assert all(one["data"]["order_id"] != data["order_id"] for one in shop.get("/tasks?limit=200")["items"])
