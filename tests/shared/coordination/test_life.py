"""The life of a task and of the requests about it, in any order of events: what must always hold, holds.

The functions themselves run on a real database; a role's conclusion is what the machine draws.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as rules
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from events.work import ApprovalWork, ExceptionWork, RoleWork, TimerFired
from functions.agents import work
from functions.catalogue import by_name
from functions.hitl import decide as deciding
from functions.hitl import expire
from functions.hitl import open as opening
from functions.tasks import cancel as cancelling
from shared.agents.case import Conclusion, Escalation, Proposal, Result
from shared.agents.roles import role as find_role
from shared.contract import Addressed, Caller, Context
from shared.coordination.flow import Order, submit
from shared.coordination.tasks import ENDED, MOVES
from shared.errors import Conflict, HouseError
from shared.runtime.services import Services
from shared.store.database import Unit
from shared.store.orchestration import approvals, tasks

NUMBERS = count()
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Life(RuleBasedStateMachine):
    """Tasks of one tenant, the messages that are on their way, and the clock."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.tenant = f"t{next(NUMBERS)}"
        self.clock = START
        self.on_the_way: list[Any] = []
        self.seen: dict[str, str] = {}
        self.decided: dict[str, int] = {}
        self.next_result: Result | None = None

    # --- how a function is called

    def call(self, name: str, act: Any, tenant: str | None = None) -> Any:
        """Run `act(services)` as one call: committed with its events, or undone."""
        self.clock += timedelta(seconds=1)
        spec = by_name()[name]
        unit = Unit("orchestration")
        mine = self.tenant if tenant is None else tenant
        context = Context(f"call-{next(NUMBERS)}", "/test", mine, "ada", "story", self.clock)
        services = Services(spec, context, unit, now=lambda: self.clock)
        services.__dict__["engine"] = self
        try:
            result = act(services)
            unit.commit()
        finally:
            unit.close()
        work_items = (RoleWork, ApprovalWork, ExceptionWork)
        self.on_the_way += [event for event in services.emitted if isinstance(event, work_items)]
        return result

    def run(self, _role: Any, _case: Any, _before_model: Any) -> Result:
        """The engine: the conclusion that was drawn."""
        assert self.next_result is not None
        return self.next_result

    def handle(self, name: str, module: Any, event: Any, tenant: str | None = None) -> None:
        self.call(name, lambda services: services.emit(*self.own(module.handle(event, services))), tenant)

    def own(self, happened: Any) -> list[Any]:
        """The events of this tenant: the timer ends the requests of all."""
        return [
            item.event if isinstance(item, Addressed) else item
            for item in happened
            if not isinstance(item, Addressed) or item.tenant == self.tenant
        ]

    # --- what may happen

    @rule(target=made, amount=st.sampled_from(["10.00", "5000.00", "5000.01", "90000"]))
    def a_task_comes(self, amount: str) -> str:
        def act(services: Services) -> str:
            data = {"amount": amount, "currency": "EUR", "fraud_score": 0, "customer_new": False}
            task, happened = submit(services, Order("order", data))
            services.emit(*happened)
            return task.id

        return self.call("tasks-create", act)

    @rule(
        index=st.integers(0, 50),
        outcome=st.integers(0, 9),
        confidence=st.sampled_from([0.0, 0.6, 1.0]),
        risky=st.booleans(),
        worried=st.booleans(),
    )
    def a_role_works(self, index: int, outcome: int, confidence: float, risky: bool, worried: bool) -> None:
        waiting = [event for event in self.on_the_way if isinstance(event, RoleWork)]
        if not waiting:
            return
        event = waiting[index % len(waiting)]
        role = find_role(event.role)
        names = sorted(role.outcomes)
        human = [name for name, action in role.actions.items() if action.needs == "human"]
        self.next_result = Result(
            Conclusion(
                names[outcome % len(names)],
                confidence,
                {},
                "so it is",
                tuple(Proposal(name, dict.fromkeys(role.actions[name].fields, "x")) for name in human[:1] if risky),
                (Escalation("unusual_behavior_pattern", "x", str(index)),) if worried else (),
            ),
            "playbook",
            "test",
        )
        self.handle(f"agent-{event.role.replace('_', '-')}", work, event)

    @rule(index=st.integers(0, 50))
    def a_request_is_opened(self, index: int) -> None:
        waiting = [event for event in self.on_the_way if isinstance(event, (ApprovalWork, ExceptionWork))]
        if waiting:
            self.handle("hitl-open", opening, waiting[index % len(waiting)])

    @rule(index=st.integers(0, 50))
    def a_role_fails(self, index: int) -> None:
        waiting = [event for event in self.on_the_way if isinstance(event, RoleWork)]
        if waiting:
            event = waiting[index % len(waiting)]
            failed = ExceptionWork(task_id=event.task_id, step=event.step, role=event.role, error="role_failed")
            self.handle("hitl-open", opening, failed)

    @rule(index=st.integers(0, 50), decision=st.sampled_from(["approve", "reject"]))
    def somebody_decides(self, index: int, decision: str) -> None:
        rows = self.rows(approvals)
        if not rows:
            return
        row = rows[index % len(rows)]
        body = deciding.Decision(request_id=row.id, decision=decision)
        caller = Caller("ada", self.tenant, "TENANT_ADMIN")
        try:
            self.call("hitl-decide", lambda services: deciding.decide(body, caller, services))
        except Conflict:
            return
        assert row.status == "pending"
        self.decided[row.id] = self.decided.get(row.id, 0) + 1

    @rule(task_id=made)
    def somebody_cancels(self, task_id: str) -> None:
        body = cancelling.Cancellation()
        try:
            self.call("tasks-cancel", lambda services: cancelling.cancel(task_id, body, services))
        except Conflict:
            assert self.seen.get(task_id) in ENDED

    @rule(hours=st.sampled_from([1, 13, 25]))
    def time_passes(self, hours: int) -> None:
        self.clock += timedelta(hours=hours)
        self.handle("hitl-expire", expire, TimerFired(function="hitl-expire", due_at=self.clock), tenant="")

    # --- what always holds

    def rows(self, table: Any) -> list[Any]:
        unit = Unit("orchestration")
        try:
            return list(unit.read().execute(select(table).where(table.c.tenant == self.tenant).order_by(table.c.id)))
        finally:
            unit.close()

    @invariant()
    def a_task_moves_only_as_the_table_says(self) -> None:
        for row in self.rows(tasks):
            before = self.seen.get(row.id)
            if before is not None and before in ENDED:
                assert row.status == before
            self.seen[row.id] = row.status
            assert row.status in MOVES
            assert (row.ended_at is not None) == (row.status in ENDED)

    @invariant()
    def a_task_has_one_waiting_request_at_most_and_only_while_it_waits(self) -> None:
        status = {row.id: row.status for row in self.rows(tasks)}
        pending = [row.task_id for row in self.rows(approvals) if row.status == "pending"]
        assert len(pending) == len(set(pending))
        assert all(status[task_id] == "awaiting_approval" for task_id in pending)

    @invariant()
    def a_task_that_waits_has_a_request_or_one_on_its_way(self) -> None:
        coming = {event.task_id for event in self.on_the_way if isinstance(event, (ApprovalWork, ExceptionWork))}
        known = {row.task_id for row in self.rows(approvals)}
        for row in self.rows(tasks):
            if row.status == "awaiting_approval":
                assert row.id in coming | known

    @invariant()
    def a_request_is_decided_once(self) -> None:
        assert all(times == 1 for times in self.decided.values())
        for row in self.rows(approvals):
            assert (row.status in ("approved", "modified", "rejected")) == (row.id in self.decided)

    @invariant()
    def nothing_over_the_limit_is_worked_on_without_a_human(self) -> None:
        for row in self.rows(tasks):
            if row.data["amount"] in ("5000.01", "90000") and row.results:
                assert row.cleared


@pytest.fixture
def one_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(work, "tools_of", lambda _role: {})
    return home


def test_in_any_order_of_events_a_task_is_where_it_must_be(one_home: Path) -> None:
    run_state_machine_as_test(
        Life,
        settings=rules(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)),
    )


def test_a_decision_on_a_foreign_tenants_request_is_not_there(one_home: Path) -> None:
    life = Life()
    life.a_task_comes("5000.01")
    life.a_request_is_opened(0)
    (row,) = life.rows(approvals)
    body = deciding.Decision(request_id=row.id, decision="approve")
    stranger = Caller("eve", "other", "TENANT_ADMIN")
    with pytest.raises(HouseError) as caught:
        life.call("hitl-decide", lambda services: deciding.decide(body, stranger, services), tenant="other")
    assert caught.value.status == 404
