"""The count must fail: each thing that can be lost or doubled is lost or doubled here, and the rule says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.trial.count import from_data, to_data
from scripts.trial.reckoning import Promised, Reckoning
from scripts.trial.rules import RULES
from tests.scripts.trial.shop import PROMISED, assigned, bus, change, completed, reckoned, say


def rules(found: Reckoning) -> set[str]:
    return {fault.rule for fault in found.faults}


def test_a_sound_platform_is_counted_exactly(shop: Path) -> None:
    found = reckoned()
    assert found.faults == []
    assert (found.submitted, found.done, found.waiting, found.dead) == (6, 3, 1, 2)
    assert found.exact
    assert found.ended == {"completed": 2, "rejected": 1}
    assert sorted(found.reasons) == [
        "auto_orders : 422: it cannot be done",
        "domain.orders tasks-react: 409: no order is known",
    ]


def sql(context: str, statement: str) -> Callable[[], None]:
    return lambda: change(context, statement)


def brain(statement: str) -> Callable[[], None]:
    return sql("orchestration", statement)


def unsay(kind: str, about: str = "") -> Callable[[], None]:
    """What was committed of a kind of event, about something, was not."""
    like = f"type LIKE '%{kind}%' AND CAST(body AS TEXT) LIKE '%{about}%'"
    return brain(f"DELETE FROM outbox WHERE {like}")


def forget(place: str) -> Callable[[], None]:
    def act() -> None:
        with bus() as one:
            (letter,) = one.dead_letters(place).items
            one.discard(letter.id)

    return act


KEPT, PLACE, UNSENT, STEPS, BEGUN, TOLD, DECIDED, RECORD, CHAIN, REASON = (
    "kept promises", "each task in one place", *RULES,
)  # fmt: skip

BROKEN: dict[str, tuple[Callable[[], None], str]] = {
    "an accepted task is gone": (brain("DELETE FROM tasks WHERE id = 'waits'"), KEPT),
    "an event's task is gone": (brain("DELETE FROM tasks WHERE id = 'from-event'"), KEPT),
    "an event started two tasks": (
        brain("UPDATE tasks SET cause = '/shop#e-1' WHERE id = 'done'"), KEPT,
    ),
    "a decision is gone": (brain("UPDATE approvals SET status = 'approved' WHERE id = 'r-decided'"), KEPT),
    "a dead event is gone": (forget("domain.orders"), KEPT),
    "a dead task's work is gone": (forget("auto_orders"), PLACE),
    "nobody is asked about a task that waits": (
        brain("UPDATE approvals SET status = 'expired' WHERE id = 'r-waits'"), PLACE,
    ),
    "somebody is asked about a task that has ended": (
        brain("UPDATE approvals SET task_id = 'done' WHERE id = 'r-waits'"), PLACE,
    ),
    "two requests are about one task": (
        brain("UPDATE approvals SET status = 'pending', task_id = 'waits' WHERE id = 'r-decided'"), PLACE,
    ),
    "a task hangs": (brain("UPDATE tasks SET status = 'running' WHERE id = 'done'"), PLACE),
    "a task ended at no time": (brain("UPDATE tasks SET ended_at = NULL WHERE id = 'done'"), PLACE),
    "an event was never sent": (
        brain("UPDATE outbox SET sent_at = NULL WHERE seq = (SELECT min(seq) FROM outbox)"), UNSENT,
    ),
    "a step was assigned twice": (lambda: say("again", assigned("done")), STEPS),
    "a step was done twice": (lambda: say("again", [completed("done")]), STEPS),
    "a step left no result": (brain("UPDATE tasks SET results = '[]' WHERE id = 'done'"), STEPS),
    "a step was done and never said": (
        unsay("AgentCompleted", "done"), STEPS,
    ),
    "a task's end was never said": (
        unsay("TaskEnded", "done"), BEGUN,
    ),
    "a task has not ended though its end was said": (
        brain("UPDATE tasks SET status = 'awaiting_approval' WHERE id = 'done'"), BEGUN,
    ),
    "a task was submitted, and nobody was told": (
        unsay("TaskSubmitted", "waits"), BEGUN,
    ),
    "a message is gone": (brain("DELETE FROM messages WHERE task_id = 'done'"), TOLD),
    "a customer is told twice": (
        brain(
            "INSERT INTO messages SELECT 'twice', tenant, about, kind, 'g', channel, recipient, subject, body, task_id,"
            " send_at, status, created_at FROM messages WHERE task_id = 'done'",
        ),
        TOLD,
    ),
    "a customer is told what nobody decided": (
        brain("UPDATE tasks SET results = '[]' WHERE id = 'from-event'"), TOLD,
    ),
    "a sample is gone": (brain("DELETE FROM samples"), DECIDED),
    "a decision was never said": (
        unsay("HITLDecided"), DECIDED,
    ),
    "a request was never said": (
        unsay("HITLRequested", "r-waits"), DECIDED,
    ),
    "a fact is not on record": (lambda: say("new", [completed("nobody")], on_record=False), RECORD),
    "a fact on record was never committed": (
        unsay("OrderPlaced", "e-2"), RECORD,
    ),
    "a row of the record was changed": (sql("audit", "UPDATE record SET actor = 'eve' WHERE position = 3"), CHAIN),
    "the end of the record was cut off": (
        sql("audit", "DELETE FROM record WHERE position = (SELECT max(position) FROM record)"), CHAIN,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_lost_or_doubled_is_found(shop: Path, what: str) -> None:
    act, rule = BROKEN[what]
    act()
    found = reckoned()
    assert rule in rules(found), found.faults
    assert not found.exact


def test_a_death_without_a_reason_is_a_fault(shop: Path) -> None:
    with bus() as one:
        (letter,) = one.dead_letters("auto_orders").items
        one.replay(letter.id)
        (delivery,) = one.lease("auto_orders", 1, 60)
        assert one.bury(delivery, "")
    assert rules(reckoned()) == {REASON}


def test_a_task_that_nobody_was_promised_is_a_fault_where_all_promises_are_known(shop: Path) -> None:
    fewer = replace(PROMISED, tasks=["done", "waits", "dead"], decisions={})
    assert rules(reckoned(fewer)) == {KEPT}
    assert reckoned(replace(fewer, whole=False)).exact


def test_a_promise_of_a_task_that_never_was_is_a_fault(shop: Path) -> None:
    found = reckoned(Promised(tasks=["nobody"]))
    assert [fault.detail for fault in found.faults] == ["the task nobody was accepted and is gone"]


def test_what_is_under_way_is_not_exact(shop: Path) -> None:
    assert not replace(reckoned(), under_way=["1 message of auto_orders waits"]).exact


def test_a_sum_that_does_not_add_up_is_not_exact() -> None:
    assert Reckoning(3, 1, 1, 1).exact
    assert not Reckoning(4, 1, 1, 1).exact


def test_a_reckoning_travels_as_json(shop: Path) -> None:
    found = reckoned(Promised(tasks=["nobody"]))
    assert from_data(to_data(found)) == found
