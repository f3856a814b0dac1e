"""An event function's effect happens once: its changes, the note that it ran and its events are one commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from events.commerce import OrderPlaced, PaymentProcessed
from events.envelope import DecodeError, Envelope, decode
from events.orchestration import AuditNoted
from events.topology import TOPOLOGY
from events.work import RoleWork, TimerFired
from shared.bus import bus_file, open_bus
from shared.bus.port import NotSent
from shared.contract import Addressed, Caller, FunctionSpec
from shared.errors import Invalid, TryAgain
from shared.runtime import outbox, process
from shared.runtime.clock import utc_now
from shared.runtime.guard import ANYONE
from shared.runtime.relay import relay
from shared.settings import settings
from shared.store.database import Unit
from shared.store.orchestration import tenant_settings

SPEC = FunctionSpec("test-function", "test.function", "event", "events.deliver", "A test")
ORDER = OrderPlaced(order_id="o-1", amount="12.50", currency="EUR")
SENT = Envelope("e-1", "/shop", ORDER, extensions={"tenantid": "demo", "correlationid": "story"})
WORK = replace(SENT, event=RoleWork(task_id="t-1", task_type="order", role="r", queue="auto_orders", step=0))


class World:
    """A function whose work is a test's, a home, and a look at what is left behind."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Any] = []
        self.work: Any = lambda _event, _services: ()
        monkeypatch.setattr(process, "load", lambda _spec: SimpleNamespace(handle=self._handle))

    def _handle(self, event: OrderPlaced | PaymentProcessed | RoleWork | TimerFired, services: Any) -> Any:
        self.calls.append(event)
        return self.work(event, services)

    def run(self, *items: Any, caller: Caller = ANYONE, spec: FunctionSpec = SPEC, attempt: int = 0) -> list[int]:
        return [outcome.status for outcome in process.process(spec, items or (SENT,), caller, attempt)]

    def rows(self, table: str) -> list[Any]:
        unit = Unit("orchestration")
        try:
            return list(unit.read().execute(select(outbox.table("orchestration", table))))
        finally:
            unit.close()

    def facts(self) -> list[Envelope]:
        bus = open_bus(settings().bus_url, TOPOLOGY)
        try:
            return [decode(record.message.body) for record in bus.read(["audit.trail"], "test", 100, 0.01)]
        finally:
            bus.close()


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    assert home.exists()
    yield World(monkeypatch)
    assert bus_file(settings().bus_url).parent == home


def note(target: str) -> AuditNoted:
    return AuditNoted(actor="a", action="tested", target=target)


def change(services: Any, tenant: str = "demo") -> None:
    services.unit.write().execute(
        tenant_settings.insert().values(
            tenant=tenant, version=1, document={}, changed_at=services.now(), changed_by="test"
        )
    )


def test_a_fact_is_sent_after_the_commit_with_the_story_of_its_cause(world: World) -> None:
    world.work = lambda _event, _services: [note("x")]
    assert world.run() == [204]
    (fact,) = world.facts()
    assert (fact.tenant, fact.correlation, fact.extensions["causationid"]) == ("demo", "story", "e-1")
    outbox.sent().note()
    assert [row.sent_at is not None for row in world.rows("outbox")] == [True]


def test_the_same_event_again_calls_nothing_and_sends_nothing(world: World) -> None:
    world.work = lambda _event, _services: [note("x")]
    assert world.run() + world.run() == [204, 204]
    assert len(world.calls) == len(world.facts()) == 1


def test_a_copy_of_work_that_is_not_looked_up_changes_nothing(world: World) -> None:
    """Both say that they come for the first time, as after a relay that sent twice."""

    def work(_event: Any, services: Any) -> Any:
        change(services, f"tenant-{len(world.calls)}")
        return [note("x")]

    world.work = work
    assert world.run(WORK, attempt=1) + world.run(WORK, attempt=1) == [204, 204]
    assert [row.tenant for row in world.rows("tenant_settings")] == ["tenant-1"]
    assert len(world.rows("outbox")) == len(world.facts()) == 1


def test_a_copy_of_work_that_is_refused_now_was_done(world: World) -> None:
    """What it was about has gone on since: that is no reason for a dead letter."""

    def work(_event: Any, _services: Any) -> Any:
        if len(world.calls) > 1:
            raise Invalid.field("step", "is over")
        return [note("x")]

    world.work = work
    assert world.run(WORK, attempt=1) + world.run(WORK, attempt=1) == [204, 204]
    world.work = lambda _event, _services: [note("y")]
    assert world.run(replace(WORK, id="e-2"), attempt=1) == [204]
    assert len(world.facts()) == 2


def test_work_that_is_refused_comes_again_while_nobody_can_say_whether_it_was_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of what was done must not become a dead letter because the database is away at that moment."""

    def refuse(_event: Any, _services: Any) -> Any:
        raise Invalid.field("step", "is over")

    def away(*_: Any) -> bool:
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))

    world.work = refuse
    monkeypatch.setattr(outbox, "was_handled", away)
    assert world.run(WORK, attempt=1) == [503]


def test_work_that_comes_again_is_not_done_again(world: World) -> None:
    world.work = lambda _event, _services: [note("x")]
    assert world.run(WORK, attempt=1) + world.run(WORK, attempt=2) == [204, 204]
    assert len(world.calls) == 1


def test_a_fact_is_looked_up_the_first_time_too(world: World) -> None:
    """A topic that is read from its start again asks no model twice."""
    world.work = lambda _event, _services: [note("x")]
    assert world.run(attempt=1) + world.run(attempt=1) == [204, 204]
    assert len(world.calls) == 1


def test_who_may_not_send_an_event_learns_nothing_of_it(world: World) -> None:
    world.work = lambda _event, _services: [note("x")]
    assert world.run(WORK, attempt=1) == [204]
    other = Caller("service:else", "other", "AGENT")
    assert world.run(WORK, caller=other, attempt=1) == world.run(WORK, caller=other) == [403]


def test_the_same_id_of_another_tenant_or_source_is_another_event(world: World) -> None:
    world.work = lambda _event, _services: [note("x")]
    other = replace(SENT, extensions={"tenantid": "other"})
    assert world.run() + world.run(other) + world.run(replace(SENT, source="/else")) == [204] * 3
    assert len({fact.id for fact in world.facts()}) == 3


def test_a_run_that_is_repeated_before_its_commit_repeats_its_ids(world: World) -> None:
    seen = []

    def work(_event: Any, services: Any) -> Any:
        rows = outbox.stamp([note("x")], SPEC.name, services.context, services.now())
        seen.append(rows[0].id)
        raise TryAgain("not yet")

    world.work = work
    assert world.run() + world.run() == [503, 503]
    assert seen[0] == seen[1]


def test_an_error_undoes_the_changes_and_sends_nothing(world: World) -> None:
    def work(_event: Any, services: Any) -> Any:
        change(services)
        raise Invalid.field("amount", "must be more")

    world.work = work
    assert world.run() == [422]
    assert world.rows("tenant_settings") == world.rows("inbox") == world.facts() == []


def test_a_fault_of_ours_is_tried_again_and_its_text_is_not_shown(world: World) -> None:
    def work(_event: Any, _services: Any) -> Any:
        raise RuntimeError("password=hunter2")

    world.work = work
    (outcome,) = process.process(SPEC, [SENT], ANYONE)
    assert outcome.status == 503
    assert outcome.error is not None
    assert "hunter2" not in outcome.error.detail


def test_a_call_that_changes_and_says_nothing_leaves_no_row(world: World) -> None:
    assert world.run() == [204]
    assert world.rows("inbox") == []


def test_two_copies_that_run_at_once_have_one_effect(world: World) -> None:
    def work(_event: Any, services: Any) -> Any:
        if len(world.calls) == 1:  # the other copy arrives, and commits, while this one works
            assert world.run() == [204]
        return [note("x")]

    world.work = work
    assert world.run() == [204]
    assert len(world.calls) == 2
    assert len(world.facts()) == 1


def test_in_a_batch_one_bad_event_does_not_fall_on_its_neighbours(world: World) -> None:
    def work(event: Any, services: Any) -> Any:
        change(services, event.order_id)
        if event.order_id == "o-2":
            raise Invalid.field("order_id", "is bad")
        return [note(event.order_id)]

    world.work = work
    batch = [replace(SENT, id=str(n), event=ORDER.model_copy(update={"order_id": f"o-{n}"})) for n in (1, 2, 3)]
    bad = DecodeError("not JSON", b"x")
    assert world.run(*batch, bad, batch[0]) == [204, 422, 204, 400, 204]
    assert {row.tenant for row in world.rows("tenant_settings")} == {"o-1", "o-3"}
    assert sorted(fact.event.target for fact in world.facts()) == ["o-1", "o-3"]


def test_of_a_batch_with_a_bad_event_each_is_committed_before_the_next_begins(world: World) -> None:
    """What one of them locks is free again: a person who decides does not wait for all of them."""
    there: list[set[str]] = []

    def work(event: Any, services: Any) -> Any:
        there.append({row.tenant for row in world.rows("tenant_settings")})
        change(services, event.order_id)
        return []

    world.work = work
    batch = [replace(SENT, id=str(n), event=ORDER.model_copy(update={"order_id": f"o-{n}"})) for n in (1, 2, 3)]
    assert world.run(*batch, DecodeError("not JSON", b"x")) == [204, 204, 204, 400]
    assert there == [set(), {"o-1"}, {"o-1", "o-2"}]


def test_a_service_of_one_tenant_may_not_deliver_another_tenants_event(world: World) -> None:
    agent = Caller("svc", "other", "AGENT")
    assert world.run(caller=agent) == [403]
    assert world.calls == []


def test_what_could_not_be_sent_is_sent_by_the_relay_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Down:
        def send(self, work: Any, facts: Any = ()) -> None:
            raise TryAgain("the bus is down")

    world.work = lambda _event, _services: [note("x")]
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "publisher", Down)
        assert world.run() == [204]
    assert world.facts() == []
    bus = open_bus(settings().bus_url, TOPOLOGY)
    from datetime import timedelta

    assert [relay("orchestration", bus, older_than=timedelta(0)) for _ in range(2)] == [1, 0]
    bus.close()
    assert len(world.facts()) == 1


def test_a_queue_that_takes_nothing_holds_up_no_other_and_nothing_is_sent_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of eight facts five go to a topic that refuses: the relay, which takes three at once, sends the others once."""
    taken: list[str] = []

    class Full:
        def send(self, _work: Any, facts: Any = ()) -> None:
            left = [message.id for topic, message in facts if topic == full]
            taken.extend(message.id for topic, message in facts if topic != full)
            if left:
                raise NotSent("full", left)

    class Down:
        def send(self, _work: Any, _facts: Any = ()) -> None:
            raise TryAgain("the bus is down")

    world.work = lambda _event, _services: [note("x")] * 5 + [ORDER] * 3
    full = note("x").destination()[1]
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "publisher", Down)
        assert world.run() == [204]
    from datetime import timedelta

    assert [relay("orchestration", Full(), older_than=timedelta(0), limit=3) for _ in range(2)] == [3, 0]
    assert len(set(taken)) == len(taken) == 3


def test_only_the_platform_itself_may_address_a_tenant(world: World) -> None:
    world.work = lambda _event, _services: [Addressed(note("x"), "victim")]
    assert world.run() == [503]
    assert world.run(replace(SENT, extensions={})) == [204]
    assert [fact.tenant for fact in world.facts()] == ["victim"]


def test_a_full_database_is_503_and_nothing_is_half_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_event: Any, services: Any) -> Any:
        connection = services.unit.write()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        change(services)
        return [note("x" * 900) for _ in range(100)]

    world.work = work
    assert world.run() == [503]
    assert world.rows("tenant_settings") == world.rows("outbox") == []


def test_an_event_of_a_kind_that_the_function_does_not_take_is_refused_for_good(world: World) -> None:
    """It says what it takes by the annotation of its `handle`; anything else is 422, and it is not called."""
    assert world.run(replace(SENT, event=note("x"))) == [422]
    assert world.calls == []


TIMER = Envelope("f-1", "/timer", TimerFired(function="test-function", due_at=utc_now()))


def round_of(monkeypatch: pytest.MonkeyPatch, world: World, *tenants: str) -> None:
    module = SimpleNamespace(handle=world._handle, tenants_due=lambda _services: tenants)
    monkeypatch.setattr(process, "load", lambda _spec: module)


def test_a_timers_event_is_handled_for_each_tenant_once_and_committed_before_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = []

    def work(_event: Any, services: Any) -> Any:
        committed.append(len(world.rows("tenant_settings")))
        change(services, services.context.tenant)
        return [note("x")]

    world.work = work
    round_of(monkeypatch, world, "a", "b", "c")
    assert world.run(TIMER) + world.run(TIMER) == [204, 204]
    assert committed == [0, 1, 2]
    assert sorted(fact.tenant for fact in world.facts()) == ["a", "b", "c"]


def test_one_tenants_fault_is_the_answer_to_the_timer_and_leaves_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(_event: Any, services: Any) -> Any:
        change(services, services.context.tenant)
        if services.context.tenant == "b":
            raise TryAgain("not now")
        return []

    world.work = work
    round_of(monkeypatch, world, "a", "b", "c")
    assert world.run(TIMER) == [503]
    assert sorted(row.tenant for row in world.rows("tenant_settings")) == ["a", "c"]


def test_a_timers_call_that_has_no_time_for_all_tenants_ends_in_time_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A call may take 30 s, each tenant takes 11."""
    now = [0.0]

    def work(_event: Any, _services: Any) -> Any:
        now[0] += 11.0
        return []

    world.work = work
    round_of(monkeypatch, world, "a", "b", "c")
    monkeypatch.setattr(process, "time", SimpleNamespace(monotonic=lambda: now[0]))
    assert world.run(TIMER) == [204]
    assert len(world.calls) == 2
    assert "test-function had time for 2 of 3 tenants" in caplog.text


def test_a_tenants_own_caller_cannot_fire_the_timer_for_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    round_of(monkeypatch, world, "a", "b")
    assert world.run(TIMER, caller=Caller("service:else", "a", "AGENT")) == [403]
    assert world.calls == []


def test_a_timer_whose_tenants_cannot_be_read_comes_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_services: Any) -> Any:
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(process, "load", lambda _spec: SimpleNamespace(handle=world._handle, tenants_due=away))
    assert world.run(TIMER) == [503]
    assert world.calls == []
