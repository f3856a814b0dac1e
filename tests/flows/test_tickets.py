"""A support ticket from the customer's words to the answer, and where a human comes in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.counting import count
from tests.flows.platform import Platform
from tests.flows.samples import order, ticket

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
    kept = shop.get(f"/tasks/{task['id']}")
    assert kept["results"] == []
    assert kept["computed"]["sentiment"]["method"].startswith("score_text")
    count(shop, [task["id"]])


def test_a_language_that_cannot_be_scored_is_said_to_be_undecided(shop: Platform) -> None:
    """A ticket in German has no sentiment: neither the verdict nor the task pretends that it is neutral."""
    task = shop.submit("support_ticket", ticket(message="Ich bin sehr wütend, das ist nicht schön von euch."))
    kept = shop.task(task["id"], *ENDS)
    assert kept["computed"]["sentiment"]["value"] is None
    (unknown,) = kept["undecided"]
    assert (unknown["signal"], unknown["rule"]) == ("sentiment", "ticket_angry")
    assert "its language is de" in unknown["why"]


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


def test_a_card_number_in_a_message_is_never_stored(shop: Platform) -> None:
    """Masked to the last four before anything is kept: neither the task, nor the request, nor a fact, nor the record
    has it; a human is told where it stood."""
    number = "4111 1111 1111 1111"
    task = shop.submit("support_ticket", ticket(message=f"Please charge my card {number} again, thank you."))
    assert "potential_policy_violation" in task["triggers"]
    assert "1111" in shop.request_of(task["id"])["task_data"]["message"]
    shop.quiet()
    for file in (*shop.home.glob("*.db"), *shop.home.glob("*.db-wal")):
        assert number.encode() not in file.read_bytes(), file
    count(shop, [task["id"]])
