"""A support ticket from the customer's words to the answer, and where a human comes in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.counting import count
from tests.flows.platform import Platform
from tests.flows.samples import order, ticket
from tests.flows.test_orders import placed, publish, task_of

pytestmark = pytest.mark.flow
ENDS = ("completed", "rejected", "failed", "awaiting_approval")


def said(shop: Platform, task: str) -> list[tuple[Any, ...]]:
    """What is kept for the customer about a task: (kind, recipient, body)."""
    return shop.rows("orchestration", "SELECT kind, recipient, body FROM messages WHERE task_id = ?", task)


def test_a_question_about_an_order_is_triaged_and_answered(shop: Platform) -> None:
    """The customer asks when it comes; the triager finds whose order it is, the drafter answers with the dates that
    the planner found, and the answer goes out once."""
    mine = order()
    placed = shop.task(shop.submit("order", mine)["id"], "completed")
    (shipment,) = next(r for r in placed["results"] if r["role"] == "fulfilment_planner")["output"]["shipments"]
    asked = ticket(
        subject="My order",
        message=f"Hello, when will my order {mine['order_id']} arrive? Thank you, Noor",
        email=mine["email"],
        customer_id=mine["customer_id"],
    )
    done = shop.task(shop.submit("support_ticket", asked)["id"], *ENDS)
    assert done["status"] == "completed", done["reasons"]
    assert [result["role"] for result in done["results"]] == ["ticket_triager", "reply_drafter"]
    ((kind, recipient, body),) = said(shop, done["id"])
    assert (kind, recipient) == ("reply", mine["email"])
    assert mine["order_id"] in body
    day = shipment["latest"].split("-")[2].lstrip("0")
    assert day in body
    count(shop, [placed["id"], done["id"]])


@pytest.mark.parametrize(
    ("message", "triggers"),
    [
        ("You will hear from my lawyer about this.", ["legal_review_required"]),
        ("Has anybody REFUNDED my parcel?", ["legal_review_required"]),
        ("I hate this. Horrible, awful, disgusting garbage, the worst shop ever!", ["negative_customer_sentiment"]),
    ],
)
def test_legal_words_and_anger_go_to_a_human_at_once(shop: Platform, message: str, triggers: list[str]) -> None:
    """No role answers first; it is urgent, and the request shows which words or which number it was."""
    task = shop.submit("support_ticket", ticket(message=message))
    assert (task["status"], task["triggers"], task["urgency"]) == ("awaiting_approval", triggers, "high")
    (reason,) = shop.request_of(task["id"])["reasons"]
    assert reason["field"] == ("message" if triggers == ["legal_review_required"] else "sentiment")
    assert shop.get(f"/tasks/{task['id']}")["results"] == []
    count(shop, [task["id"]])


def test_a_refundable_fabric_is_no_threat(shop: Platform) -> None:
    """Legal words are whole words, with their inflections, and nothing else."""
    data = ticket(message="Is this refundable fabric waterproof, and is the scampi bag too?")
    verdict = shop.call("POST", "/tasks/classify", json={"type": "support_ticket", "data": data}).json()
    assert (verdict["escalated"], verdict["triggers"]) == (False, [])


def test_a_question_that_nobody_knows_the_answer_to_waits_for_words(shop: Platform) -> None:
    """Nothing is sent on a guess. The reviewer completes the draft, and what is sent are the reviewer's words, once."""
    task = shop.submit("support_ticket", ticket())["id"]
    request = shop.request_of(task)
    assert request["triggers"] == ["low_confidence"]
    assert said(shop, task) == []
    (proposal,) = request["action"]["proposals"]
    words = "Hello Noor, we are there from 9 to 17 o'clock. Kind regards"
    better = {**proposal, "detail": proposal["detail"] | {"body": words}}
    decision = {"request_id": request["id"], "decision": "modify"}
    decision["modified_action"] = request["action"] | {"proposals": [better]}
    answer = shop.call("POST", "/hitl/decision", json=decision)
    assert answer.status_code == 200, answer.text
    assert shop.task(task, "completed")["results"][-1]["proposals"][0]["detail"]["body"] == words
    assert [body for _, _, body in said(shop, task)] == [words]
    assert shop.call("POST", "/hitl/decision", json=decision).status_code == 409
    count(shop, [task])


def stands_nowhere(shop: Platform, number: str) -> None:
    shop.quiet()
    for file in (*shop.home.glob("*.db"), *shop.home.glob("*.db-wal")):
        assert number.encode() not in file.read_bytes(), file


def test_a_card_number_in_a_message_is_never_stored(shop: Platform) -> None:
    """Masked to the last four before anything is kept: neither the task, nor the request, nor a fact, nor the record
    has it; a human is told where it stood."""
    number = "4111 1111 1111 1111"
    task = shop.submit("support_ticket", ticket(message=f"Please charge my card {number} again, thank you."))
    assert "potential_policy_violation" in task["triggers"]
    assert "1111" in shop.request_of(task["id"])["task_data"]["message"]
    stands_nowhere(shop, number)
    count(shop, [task["id"]])


def test_a_card_number_in_what_is_said_about_a_task_is_never_stored(shop: Platform) -> None:
    """In its description, and in the notes of who decides."""
    number = "5555 5555 5555 4444"
    asked = {"type": "support_ticket", "data": ticket(), "description": f"She paid with {number}."}
    task = shop.call("POST", "/tasks", json=asked).json()
    assert "potential_policy_violation" in task["triggers"]
    request = shop.request_of(task["id"])
    assert request["reasons"][0]["actual"] == ["card in description"]
    decision = {"request_id": request["id"], "decision": "reject", "notes": f"It is {number}."}
    assert shop.call("POST", "/hitl/decision", json=decision).status_code == 200
    assert shop.task(task["id"], "rejected")["why"] == "It is ****4444."
    stands_nowhere(shop, number)


def test_a_card_number_in_a_backends_event_is_never_stored(shop: Platform) -> None:
    """Neither the fact nor its record, which is for ever, has it; the order waits for a human, who is told."""
    number = "4000 0566 5566 5556"
    data = order(note=f"charge {number}", policy_violations=["sold below cost"])
    assert publish(shop, placed(data)).status_code == 202
    task = task_of(shop, data["order_id"])
    request = shop.request_of(task["id"])
    assert request["triggers"] == ["potential_policy_violation"]
    assert request["reasons"][0]["actual"] == ["sold below cost", "card in note"]
    assert request["task_data"]["note"] == "charge ****5556"
    lead = {"lead_id": "l-1", "origin": f"card {number}", "attributes": {"cvv": "123"}}
    assert (
        publish(shop, placed(data, id="lead", type="bizosaas.customers.LeadCreated.v1", data=lead)).status_code == 202
    )
    stands_nowhere(shop, number)
    (kept,) = [item["data"] for item in shop.get("/audit?limit=200")["items"] if "LeadCreated" in item["type"]]
    assert (kept["origin"], kept["attributes"]) == ("card ****5556", {"cvv": "****"})
    count(shop, [task["id"]])
