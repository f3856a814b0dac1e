"""The queue of those that wait: the costliest delay first, one ranking for many facts, warnings said once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from events.envelope import Envelope
from events.event import Event
from events.orchestration import AuditNoted, HITLExpired
from functions.hitl import rank
from shared.contract import Caller
from shared.coordination import history
from shared.coordination.waiting import put_in_order
from shared.coordination.watch import watch
from shared.runtime import outbox
from shared.runtime.guard import ANYONE
from shared.runtime.process import process
from shared.store.database import Unit
from tests.functions.desk import NOW, RANK, REVIEWERS, World, audited, notes_of, timer


def test_the_costliest_delay_comes_first_within_its_urgency(world: World) -> None:
    """By loss per hour of review, high urgency before low."""
    for name, amount, more in [
        ("cheap", "10.00", {}),
        ("dear", "9000.00", {}),
        ("urgent", "1.00", {"urgency": "high"}),
    ]:
        world.call(world.wait(name, amount, **more))
    assert world.ranks() == ["urgent", "dear", "cheap"]


def test_a_tenant_may_rank_across_urgency(world: World) -> None:
    """By its settings."""
    world.set(rank_across_urgency=True)
    world.call(world.wait("dear", "9000.00"))
    world.call(world.wait("urgent", "1.00", urgency="high"))
    assert world.ranks() == ["dear", "urgent"]


def test_an_amount_without_a_rate_is_ranked_by_the_median_of_its_type(world: World) -> None:
    """Decided orders of 100 and 300 EUR: 200 EUR stands for 5000 JPY, between 20 and 9000; and it is said."""
    for name, amount in (("past-1", "100.00"), ("past-2", "300.00")):
        world.wait(name, amount)
        world.decide(name)
    for name, amount, currency in (("low", "20.00", "EUR"), ("yen", "5000", "JPY"), ("high", "9000.00", "EUR")):
        world.call(world.wait(name, amount, currency=currency))
    assert world.ranks() == ["high", "yen", "low"]
    assert notes_of(world, "yen")["stake"] == "50.00"
    assert "no rate JPY/EUR; the median of order requests stands in, 200.00 EUR" in notes_of(world, "yen")["loss_note"]


def test_alike_requests_are_shown_together(world: World) -> None:
    """Two of one customer of like size; a third ten times as large stays alone."""
    for name, amount in (("a", "100.00"), ("b", "150.00"), ("c", "1500.00")):
        world.call(world.wait(name, amount))
        world.now += timedelta(minutes=1)
    assert [notes_of(world, name)["group"] for name in "abc"] == ["alike-a", "alike-a", None]


@pytest.mark.parametrize("kind", ["decided", "expired"])
def test_the_others_move_up(world: World, kind: str) -> None:
    """After a decision or an expiry, the places of those that wait are given anew."""
    for name, amount in (("a", "300.00"), ("b", "200.00"), ("c", "100.00")):
        world.call(world.wait(name, amount, data={"email": f"{name}@b.example"}))
    fact: Event = world.decide("a")
    if kind == "expired":
        fact = HITLExpired(request_id="a", task_id="t-a", task_type="order", kind="approval")
    assert world.call(fact) == []
    assert [notes_of(world, name)["rank"] for name in "bc"] == [1, 2]


def test_a_request_has_a_place_before_it_is_prepared(world: World) -> None:
    world.rank(world.wait("low", "10.00"))
    world.rank(world.wait("high", "9000.00"))
    assert (world.ranks(), set(notes_of(world, "low"))) == (["high", "low"], {"rank", "group", "expected_loss"})


def test_one_ranking_serves_all_facts_of_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tenants' facts in one call: each queue is put in order once."""
    monkeypatch.setattr(outbox, "send", lambda *_: True)
    monkeypatch.setattr(outbox, "publisher", lambda: None)
    ranked: list[str] = []

    def counted(unit: Unit, tenant: str, *more: Any) -> None:
        ranked.append(tenant)
        put_in_order(unit, tenant, *more)

    monkeypatch.setattr(rank, "put_in_order", counted)
    items = []
    for index in range(9):
        tenant = f"tenant-{index % 3}"
        fact = world.wait(f"r-{index}", f"{index + 1}.00", tenant)
        extensions = {"tenantid": tenant, "correlationid": "c", "partitionkey": "t"}
        items.append(Envelope(f"e-{index}", "/test", fact, time=NOW, subject=fact.task_id, extensions=extensions))
    outcomes = process(RANK, items, Caller("bridge", "", "AGENT"))
    assert [outcome.status for outcome in outcomes] == [204] * 9
    assert ranked == ["tenant-0", "tenant-1", "tenant-2"]
    assert world.ranks("tenant-1") == ["r-7", "r-4", "r-1"]


def test_a_long_run_of_hasty_approvals_is_told_as_often_as_it_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the newest decisions of a reviewer, that is: a run that fills them all is reported no more."""
    monkeypatch.setattr(history, "MOST_DECISIONS", 42)
    happened = []
    for index in range(70):
        world.wait(f"r-{index}")
    for index in range(70):
        world.now += timedelta(seconds=5)
        happened += world.rank(world.decide(f"r-{index}"))
    assert [one.detail["decisions"] for one in audited(happened, "hitl.hasty_reviews")] == [20, 40]


# the timer


def fire() -> int:
    """The timer, as the runtime is called by it; returns the status."""
    (outcome,) = process(RANK, [Envelope("e-1", "/timer", timer(), NOW)], ANYONE)
    return outcome.status


def test_the_timer_ranks_every_tenant(world: World) -> None:
    """Each tenant's own queue, and nothing of one in another's."""
    for tenant in ("demo", "other"):
        world.wait(f"{tenant}-low", "10.00", tenant)
        world.wait(f"{tenant}-high", "9000.00", tenant)
    assert fire() == 204
    assert (world.ranks("demo"), world.ranks("other")) == (["demo-high", "demo-low"], ["other-high", "other-low"])


@pytest.mark.parametrize("bad", ["a", "b"])
def test_a_tenant_that_cannot_be_ranked_leaves_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """Its changes are undone, the others' stay, and whoever fired is told."""
    world.wait("a-1", tenant="a")
    world.wait("b-1", tenant="b")
    real = watch

    def faulty(unit: Unit, tenant: str, *more: Any) -> list[AuditNoted]:
        told = real(unit, tenant, *more)
        if tenant == bad:
            raise RuntimeError("boom")
        return told

    monkeypatch.setattr("functions.hitl.rank.watch", faulty)
    assert fire() == 503
    notes = {tenant: world.request(f"{tenant}-1", tenant).notes or {} for tenant in ("a", "b")}
    assert {tenant: note.get("rank") for tenant, note in notes.items()} == {"a": 1, "b": 1, bad: None}


def test_a_request_can_be_decided_while_other_tenants_queues_are_ranked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tenant's are committed before the next one's are touched."""
    for tenant in ("a", "b", "demo"):
        world.wait(f"{tenant}-1", tenant=tenant)
    ranked_before = []
    real = watch

    def look(unit: Unit, tenant: str, *more: Any) -> list[AuditNoted]:
        seen = [world.request(f"{one}-1", one).notes for one in ("a", "b", "demo")]
        ranked_before.append(sum(1 for notes in seen if notes))
        return real(unit, tenant, *more)

    monkeypatch.setattr("functions.hitl.rank.watch", look)
    assert fire() == 204
    assert ranked_before == [0, 1, 2]


def test_requests_that_will_expire_are_said_once(world: World) -> None:
    """The admins of that tenant hear of it, by the trigger of unusual behaviour, and not again."""
    for index in range(3):
        world.wait(f"r-{index}", created_at=NOW - timedelta(minutes=1), expires_at=NOW + timedelta(minutes=8))
    happened = world.call(timer())
    (warning,) = audited(happened, "hitl.capacity_warning")
    assert warning.detail["will_expire"] == ["r-2"]
    assert (warning.detail["trigger"], warning.detail["for"]) == ("unusual_behavior_pattern", "TENANT_ADMIN")
    assert world.call(timer()) == []


def test_more_requests_than_reviews_are_said_once(world: World) -> None:
    """At one reviewer and five minutes each, 12 an hour are done; 300 in a day are more. A new one changes nothing."""
    for index in range(300):
        world.wait(f"r-{index:03}", created_at=NOW - timedelta(minutes=index), expires_at=NOW + timedelta(hours=48))
    (warning,) = audited(world.call(timer()), "hitl.capacity_warning")
    assert "faster than the reviewers can decide" in warning.why
    world.wait("r-new", expires_at=NOW + timedelta(hours=48))
    assert world.call(timer()) == []
    world.set(reviewers=REVIEWERS)
    world.call(world.wait("r-more", expires_at=NOW + timedelta(hours=48)))
    assert notes_of(world, "r-more")["capacity_warning"] == ""


def test_a_request_past_half_of_its_time_is_a_reminder_once(world: World) -> None:
    """To the one who was asked."""
    world.set(reviewers=REVIEWERS)
    world.call(world.wait("r-1"))
    world.now += timedelta(hours=12, minutes=1)
    (reminder,) = audited(world.call(timer()), "hitl.remind")
    assert (reminder.target, reminder.detail["to"]) == ("r-1", "ann")
    assert world.call(timer()) == []


def test_a_reviewer_who_is_away_is_replaced(world: World) -> None:
    """Somebody else is suggested, in the notes too, and it is said once."""
    world.set(reviewers=REVIEWERS)
    world.call(world.wait("r-1"))
    world.set(reviewers=[{**REVIEWERS[0], "absent_until": "2026-11-09T08:00:00Z"}, REVIEWERS[1]])
    (fact,) = audited(world.call(timer()), "hitl.suggest_reassign")
    assert fact.detail == {"from": "ann", "to": "bob"}
    assert notes_of(world, "r-1")["suggested_reviewer"]["user_id"] == "bob"
    assert world.call(timer()) == []


# haste


@pytest.mark.parametrize(("seconds", "reports"), [(5, 1), (15, 0)])
def test_twenty_approvals_within_seconds_are_reported_once(world: World, seconds: int, reports: int) -> None:
    """At the twentieth, to the admins; at fifteen seconds each nothing is said."""
    for index in range(25):
        world.wait(f"r-{index}")
    happened = []
    for index in range(25):
        world.now += timedelta(seconds=seconds)
        happened += world.call(world.decide(f"r-{index}"))
    found = audited(happened, "hitl.hasty_reviews")
    assert [(one.target, one.detail["decisions"]) for one in found] == [("ann", 20)] * reports


def test_notes_are_never_written_on_a_decided_request(world: World) -> None:
    """Ranking after the decision leaves what stands on it."""
    world.call(world.wait("r-1"))
    fact = world.decide("r-1")
    before = asdict(world.request("r-1"))
    world.call(fact)
    world.call(timer())
    assert asdict(world.request("r-1")) == before
