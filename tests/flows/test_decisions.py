"""When a human must decide: what stops, what a decision does, and that it is made once, for what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.conftest import MakePlatform
from tests.flows.counting import count
from tests.flows.platform import Platform, at_once, wait_for
from tests.flows.samples import AMOUNT, big_order, order

pytestmark = pytest.mark.flow
DECISION = "/hitl/decision"
HOUR = 3600 * 1_000_000


def waiting(shop: Platform, **changes: Any) -> tuple[str, Any]:
    """A task that waits for a human, and its request."""
    task = shop.submit("order", big_order(**changes))["id"]
    return task, shop.request_of(task)


def decide(shop: Platform, request: Any, decision: str, user: str = "admin@demo.example", **more: Any) -> Any:
    return shop.call("POST", DECISION, user, json={"request_id": request["id"], "decision": decision, **more})


# --- what stops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "triggers"),
    [
        ({"amount": "5000.00"}, []),
        ({"amount": "5000.01"}, ["high_value_transaction"]),
        ({"amount": "5000.01", "currency": "XAF"}, ["high_value_transaction"]),  # there is no rate for it
        ({"amount": "5434.78", "currency": "USD"}, []),  # 4999.9976 EUR at 0.92
        ({"amount": "5434.79", "currency": "USD"}, ["high_value_transaction"]),  # 5000.0068 EUR
        ({"fraud_score": 0.7}, []),
        ({"fraud_score": 0.71}, ["fraud_risk_detected"]),
        ({"amount": "1000.00", "customer_new": True}, []),
        ({"amount": "1000.01", "customer_new": True}, ["new_customer_high_risk"]),
        ({"amount": "6000", "customer_new": True}, ["high_value_transaction", "new_customer_high_risk"]),
    ],
)
def test_the_limits_are_exclusive_and_named(shop: Platform, changes: dict[str, Any], triggers: list[str]) -> None:
    """Of SYSTEM 6: the limit itself passes, a cent more stops, in the tenant's currency; /tasks/classify says the
    same as /tasks, with the value and the limit, and makes nothing."""
    data = order(**changes)
    if data["currency"] == "XAF":
        data["amount"] = "5001"
    verdict = shop.call("POST", "/tasks/classify", json={"type": "order", "data": data}).json()
    assert (verdict["escalated"], sorted(verdict["triggers"])) == (bool(triggers), triggers)
    assert all({"rule", "field", "actual", "limit"} <= reason.keys() for reason in verdict["reasons"])
    assert not shop.rows("orchestration", "SELECT 1 FROM tasks WHERE data LIKE ?", f"%{data['order_id']}%")
    if not triggers:
        return  # what is not stopped is done by the roles, and these amounts do not fit the lines
    accepted = shop.submit("order", data)
    assert accepted["status"] == "awaiting_approval"
    assert sorted(accepted["triggers"]) == triggers
    assert shop.request_of(accepted["id"])["reasons"] == verdict["reasons"]


def test_a_request_has_everything_to_decide(shop: Platform) -> None:
    """What is proposed, why it stopped with values and limits, the customer's past, what is at stake, until when."""
    first = order()
    before = shop.submit("order", first)["id"]
    shop.task(before, "completed")
    again = {name: first[name] for name in ("customer_id", "email", "shipping_address", "billing_address")}
    task, listed = waiting(shop, **again)
    request = shop.get(f"/hitl/requests/{listed['id']}")
    assert request["task_id"] == task
    assert request["reasons"][0] | {"why": ""} == {
        "rule": "order_high_value",
        "trigger": "high_value_transaction",
        "field": "amount",
        "actual": "5000.01 EUR",
        "limit": "5000.00 EUR",
        "why": "",
    }
    assert request["action"] == {"do": "work", "role": "payment_validator", "data": request["task_data"]}
    assert request["estimated_impact"]["financial"] == {"amount": "5000.01", "currency": "EUR"}
    assert request["context"]["shipping_address"] == first["shipping_address"]
    (related,) = request["context"]["related_orders"]
    assert (related["task_id"], related["amount"], related["status"]) == (before, AMOUNT, "completed")
    assert request["context"]["customer_history"]["ordered"] == {"EUR": AMOUNT}
    assert request["expires_at"] > request["created_at"]
    assert request["urgency"] == "low"
    assert len(request["action_hash"]) >= 32


# --- what a decision does -----------------------------------------------------------------------------


def test_approve_lets_the_role_work_and_the_same_reason_stops_no_more(shop: Platform) -> None:
    """The task goes back to its queue, cleared; who decided stands on it, on the request and in the record."""
    task, request = waiting(shop)
    decided = decide(shop, request, "approve", notes="known customer")
    assert decided.status_code == 200, decided.text
    assert (decided.json()["status"], decided.json()["reviewer_notes"]) == ("approved", "known customer")
    after = shop.task(task, "completed", "awaiting_approval")
    assert after["results"], "the role worked"
    assert "high_value_transaction" not in after["triggers"] or after["status"] == "completed"
    count(shop, [task])
    facts = {entry["type"].split(".")[2]: entry for entry in shop.get(f"/audit?task_id={task}&limit=200")["items"]}
    assert facts["HITLDecided"]["data"]["reviewer"] == shop.get("/auth/me")["user"]["id"]
    assert {"HITLRequested", "FeedbackLearned"} <= facts.keys()


def test_modify_does_the_changed_action(shop: Platform) -> None:
    """The amount is put right by the reviewer, and the order is done as an ordinary one."""
    data = order()
    task = shop.submit("order", data | {"amount": "13570.00"})["id"]
    request = shop.request_of(task)
    changed = request["action"] | {"data": data}
    answer = decide(shop, request, "modify", modified_action=changed, notes="the comma was missing")
    assert answer.status_code == 200, answer.text
    done = shop.task(task, "completed", "awaiting_approval")
    assert done["status"] == "completed", done["reasons"]
    assert done["data"]["amount"] == AMOUNT
    count(shop, [task])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda action: action | {"do": "accept"}, "modified_action.do"),
        (lambda action: action | {"role": "fraud_screener"}, "modified_action.role"),
        (lambda action: action | {"data": []}, "modified_action.data"),
        (lambda action: action | {"data": action["data"] | {"amount": "-1"}}, "modified_action.data.amount"),
        (lambda action: action | {"data": action["data"] | {"currency": "euro"}}, "modified_action.data.currency"),
        (lambda action: action | {"more": 1}, "modified_action.more"),
    ],
)
def test_a_changed_action_must_be_valid_itself(shop: Platform, change: Any, field: str) -> None:
    """422 naming the field; the request still waits, and can then be decided."""
    task, request = waiting(shop)
    answer = decide(shop, request, "modify", modified_action=change(request["action"]))
    assert answer.status_code == 422, answer.text
    assert field in [problem["field"] for problem in answer.json()["problems"]]
    assert shop.get(f"/hitl/requests/{request['id']}")["status"] == "pending"
    assert decide(shop, request, "reject").status_code == 200
    count(shop, [task])


def test_reject_ends_the_task_and_says_so(shop: Platform) -> None:
    """No role works on it, the reason stands on it, and TaskEnded tells those concerned."""
    task, request = waiting(shop)
    assert decide(shop, request, "reject", notes="stolen card").status_code == 200
    ended = shop.task(task, "rejected")
    assert (ended["results"], ended["why"]) == ([], "stolen card")
    count(shop, [task])
    told = [item["type"] for item in shop.get(f"/tasks/{task}/events")["items"]]
    assert told[-3:] == ["HITLDecided", "TaskEnded", "FeedbackLearned"]


# --- once, for what was seen --------------------------------------------------------------------------


def test_of_fifty_reviewers_at_once_exactly_one_decides(shop: Platform) -> None:
    """Half approve and half reject, through two accounts; 49 get 409 and the task goes one way only."""
    task, request = waiting(shop)
    users = ("admin@demo.example", "super@demo.example")
    for user in users:
        shop.token(user)
    answers = at_once(50, lambda n: decide(shop, request, ("approve", "reject")[n % 2], users[n // 2 % 2]))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [409] * 49
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    shop.quiet()
    kept = shop.get(f"/hitl/requests/{request['id']}")
    assert (kept["decision"], kept["reviewer"]) == (winner["decision"], winner["reviewer"])
    assert (shop.get(f"/tasks/{task}")["status"] == "rejected") == (winner["decision"] == "reject")
    facts = [item for item in shop.get(f"/tasks/{task}/events")["items"] if item["type"] == "HITLDecided"]
    assert len(facts) == 1
    assert shop.rows("orchestration", "SELECT count(*) FROM samples WHERE request_id = ?", request["id"]) == [(1,)]
    count(shop, [task])


def test_a_request_whose_task_was_cancelled_cannot_be_decided(shop: Platform) -> None:
    """409: what the reviewer saw is not there any more; it waits for nobody."""
    task, request = waiting(shop)
    assert shop.call("POST", f"/tasks/{task}/cancel", json={}).status_code == 200
    answer = decide(shop, request, "approve")
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert shop.get(f"/hitl/requests/{request['id']}")["status"] == "withdrawn"
    count(shop, [task])


def test_a_decision_for_another_action_is_refused(shop: Platform) -> None:
    """409 when the hash is not that of the action that waits; with the right one it is done."""
    task, request = waiting(shop)
    assert decide(shop, request, "approve", action_hash="0" * 32).status_code == 409
    assert shop.get(f"/hitl/requests/{request['id']}")["status"] == "pending"
    assert decide(shop, request, "reject", action_hash=request["action_hash"]).status_code == 200
    count(shop, [task])


@pytest.mark.parametrize("user", ["user@demo.example", "reader@demo.example"])
def test_only_those_who_may_decide_do(shop: Platform, user: str) -> None:
    """A user and a reader see what waits, and get 403 for a decision."""
    task, request = waiting(shop)
    assert shop.call("GET", f"/hitl/requests/{request['id']}", user).status_code == 200
    assert decide(shop, request, "approve", user).status_code == 403
    assert decide(shop, request, "reject").status_code == 200
    count(shop, [task])


def test_the_most_urgent_and_then_the_oldest_come_first(shop: Platform) -> None:
    """Fraud is high, two triggers are medium, one is low; page by page the same order."""
    tasks = [
        shop.submit("order", data)["id"]
        for data in (big_order(), big_order(customer_new=True), order(fraud_score="0.9"), big_order())
    ]
    for task in tasks:
        shop.request_of(task)
    page = shop.get("/hitl/pending?limit=2")
    listed = page["items"]
    while page["next_cursor"]:
        page = shop.get(f"/hitl/pending?limit=2&cursor={page['next_cursor']}")
        listed += page["items"]
    mine = [item["task_id"] for item in listed if item["task_id"] in tasks]
    assert mine == [tasks[2], tasks[1], tasks[0], tasks[3]]
    assert len({item["id"] for item in listed}) == len(listed)


def test_the_figures_are_counted(platform: MakePlatform) -> None:
    """/hitl/metrics and /hitl/dashboard agree with what was done: one order by roles, one approved, one rejected,
    one that waits."""
    one = platform().start()
    done = one.submit("order", order())["id"]
    one.task(done, "completed")
    approved, rejected, waits = (waiting(one) for _ in range(3))
    decide(one, approved[1], "approve")
    decide(one, rejected[1], "reject")
    count(one, [done, approved[0], rejected[0], waits[0]])
    pending = one.rows("orchestration", "SELECT count(*) FROM approvals WHERE status = 'pending'")[0][0]
    figures = one.get("/hitl/metrics")
    assert (figures["pending_requests"], figures["completed_24h"]) == (pending, 2)
    assert figures["approval_rate"] == 0.5
    assert sum(figures["urgency_breakdown"].values()) == pending
    today = one.get("/hitl/dashboard")
    assert (today["total_tasks_today"], today["auto_processed"], today["hitl_required"]) == (4, 1, 3)
    assert today["top_triggers"][0]["trigger"] == "high_value_transaction"


def test_nobody_decides_in_time(platform: MakePlatform) -> None:
    """An approval that expires goes on to the exceptions, where somebody is asked once more; that expires too, and
    the task has failed. Deciding after the time is over is a conflict."""
    one = platform(annotations={"schedule": {"hitl-expire": "every 1s"}}).start()
    task, request = waiting(one)
    for kind in ("approval", "exception"):
        request = one.request_of(task)
        assert request["kind"] == kind
        one.quiet()
        one.stop()
        one.execute("orchestration", "UPDATE approvals SET expires_at = expires_at - ?", 30 * HOUR)
        one.start()
        late = decide(one, request, "approve")
        assert late.status_code == 409
        wait_for(lambda: one.get(f"/hitl/requests/{request['id']}")["status"] == "expired", "the request to expire")  # noqa: B023  # asked at once
    failed = one.task(task, "failed")
    assert failed["why"] == "nobody decided in time"
    count(one, [task])
    facts = [item["type"] for item in one.get(f"/tasks/{task}/events")["items"]]
    assert facts.count("HITLExpired") == facts.count("HITLRequested") == 2
    assert facts[-1] == "TaskEnded"
