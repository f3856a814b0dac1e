"""The live view shows what roles, requests and tasks do, and of no fact more than a portal needs."""

from __future__ import annotations

from datetime import UTC, datetime

from events import orchestration as facts
from events.commerce import OrderPlaced
from events.registry import EVENTS
from functions.catalogue import LIVE_TOPICS
from shared.live.entries import _SHOWN, entries_of

WORKED = facts.AgentCompleted(
    task_id="t",
    task_type="order",
    role="fraud_screener",
    step=1,
    outcome="pass",
    confidence=0.9,
    engine="playbook",
    result={"email": "noor@example.org"},
    proposals=({"action": "hold"},),
    next_role="fulfilment_planner",
)


def test_every_fact_of_its_topics_is_shown() -> None:
    told = {kind for kind in EVENTS.values() if getattr(kind, "TOPIC", "") in LIVE_TOPICS}
    assert told == set(_SHOWN)


def test_what_a_role_found_and_proposes_is_not_in_it() -> None:
    (entry,) = entries_of(WORKED)
    assert (entry.stream, entry.kind) == ("agents", "completed")
    assert entry.data == {
        "task_id": "t",
        "task_type": "order",
        "role": "fraud_screener",
        "step": 1,
        "outcome": "pass",
        "confidence": 0.9,
        "engine": "playbook",
        "engine_reason": "",
        "next_role": "fulfilment_planner",
        "waits_for_human": False,
    }


def test_a_decision_is_shown_without_its_notes_and_its_action() -> None:
    decided = facts.HITLDecided(
        request_id="r",
        task_id="t",
        task_type="order",
        decision="modify",
        reviewer="u",
        notes="private",
        action={"secret": 1},
        minutes_waited=1.0,
        timestamp=datetime(2026, 11, 23, tzinfo=UTC),
    )
    (entry,) = entries_of(decided)
    expected = {"request_id": "r", "task_id": "t", "task_type": "order", "decision": "modify", "reviewer": "u"}
    assert entry == ("approvals", "decided", expected)


def test_a_task_that_goes_to_a_role_is_shown_with_the_tasks_and_with_the_role() -> None:
    assigned = facts.TaskAssigned(task_id="t", task_type="order", role="r", queue="auto_orders", step=2)
    assert [(entry.stream, entry.kind) for entry in entries_of(assigned)] == [
        ("coordination", "handed_over"),
        ("agents", "assigned"),
    ]


def test_a_cancelled_task_withdraws_its_request() -> None:
    def shown(status: str) -> list[tuple[str, str]]:
        ended = facts.TaskEnded.model_validate({"task_id": "t", "task_type": "order", "status": status, "actor": "u"})
        return [(entry.stream, entry.kind) for entry in entries_of(ended)]

    assert shown("completed") == [("coordination", "ended")]
    assert shown("cancelled") == [("coordination", "ended"), ("approvals", "withdrawn")]


def test_what_no_stream_is_about_is_not_shown() -> None:
    assert list(entries_of(OrderPlaced(order_id="o", amount="1.00", currency="EUR"))) == []
