"""Many at once, on each engine: whatever the order in which they come, one of them has the effect."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from events.envelope import Envelope
from events.orchestration import AgentCompleted, HITLDecided, HITLExpired, HITLRequested, TaskEnded, TaskSubmitted
from events.work import ApprovalWork, ExceptionWork, RoleWork, TimerFired
from shared.agents.case import Conclusion, Result
from shared.agents.engine import Engine
from shared.agents.roles import role
from shared.auth.sessions import Grant, Reused, Sessions
from shared.auth.users import SeedUser, User, Users, seed
from shared.coordination.approvals import Approval, Approvals
from shared.coordination.messages import Messages
from shared.coordination.record import Entry, Record
from shared.coordination.task_keys import ORDER
from shared.errors import Conflict
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.relay import relay
from shared.store.database import Unit
from shared.store.orchestration import approvals, messages, task_keys, tasks
from tests.shared.store.conftest import TENANT, Functions

AtOnce = Callable[..., list[Any]]


def waiting(functions: Functions) -> str:
    """An order over the limit, whose request waits; returns the request's id."""
    before = {row.id for row in functions.rows(approvals)}
    functions.order("90000.00")
    work = functions.events(ApprovalWork)[-1]
    assert functions.deliver("hitl-open", work) == [204]
    (opened,) = {row.id for row in functions.rows(approvals)} - before
    return str(opened)


def test_of_fifty_reviewers_at_once_one_decides(functions: Functions, at_once: AtOnce) -> None:
    request = waiting(functions)

    def decide(number: int) -> int:
        body = {"request_id": request, "decision": "approve" if number % 2 else "reject"}
        return functions.call("hitl-decide", body, user=f"user-{number}").status

    assert Counter(at_once(decide, range(50))) == {200: 1, 409: 49}
    (decided,) = functions.events(HITLDecided)
    (row,) = functions.rows(approvals)
    assert (row.reviewer, row.decision) == (decided.event.reviewer, decided.event.decision)
    assert len(functions.events(RoleWork, TaskEnded)) == 1


def test_twenty_copies_of_an_event_at_once_open_one_request(functions: Functions, at_once: AtOnce) -> None:
    functions.order("90000.00")
    (work,) = functions.events(ApprovalWork)
    assert at_once(lambda _: functions.deliver("hitl-open", work), range(20)) == [[204]] * 20
    assert len(functions.rows(approvals)) == len(functions.events(HITLRequested)) == 1


def test_copies_that_a_role_works_on_at_once_have_one_effect_and_are_all_done(
    functions: Functions, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All read the task before one of them commits: the others' work is undone, and nobody is asked for help."""
    functions.order()
    (work,) = functions.events(RoleWork)
    worker = role(work.event.role)
    together = threading.Barrier(8)

    def run(*_: Any) -> Result:
        together.wait(30)
        return Result(Conclusion(sorted(worker.outcomes)[0], 1.0, {}, "so it is"), "playbook", "test")

    monkeypatch.setattr(Engine, "run", run)
    name = f"agent-{worker.name.replace('_', '-')}"
    assert at_once(lambda _: functions.deliver(name, work), range(8)) == [[204]] * 8
    assert len(functions.events(AgentCompleted)) == 1
    (task,) = functions.rows(tasks)
    assert len(task.results) == 1


def test_the_same_request_sent_twenty_times_at_once_makes_one_task(functions: Functions, at_once: AtOnce) -> None:
    body = {"type": "order", "data": {"order_id": "o-1", "amount": "10.00", "currency": "EUR"}}
    replies = at_once(lambda _: functions.call("tasks-create", body, key="k-1"), range(20))
    assert {reply.status for reply in replies} == {202}
    assert {reply.body["id"] for reply in replies} == {row.id for row in functions.rows(tasks)}
    assert len(functions.events(TaskSubmitted)) == 1


def test_one_version_of_a_task_is_changed_once(functions: Functions, at_once: AtOnce) -> None:
    task_id = functions.order()
    unit = Unit("orchestration")
    seen = functions.services(unit).tasks.get(task_id)
    unit.close()

    def change(number: int) -> bool:
        unit = Unit("orchestration")
        try:
            functions.services(unit).tasks.change(seen, "failed", why=str(number))
            unit.commit()
        except Conflict:
            return False
        finally:
            unit.close()
        return True

    assert Counter(at_once(change, range(20))) == {True: 1, False: 19}
    assert [row.version for row in functions.rows(tasks)] == [2]


def test_an_order_that_comes_in_many_tasks_at_once_is_one_order(functions: Functions, at_once: AtOnce) -> None:
    """Its earlier tasks stay findable by its id, and only one stands for it when orders are counted."""
    at_once(lambda number: functions.order(order_id="same", email=f"{number}@example.org"), range(8))
    kinds = Counter(row.kind for row in functions.rows(task_keys))
    assert (kinds[ORDER], kinds["order_id"]) == (1, 8)


def test_a_message_that_many_keep_at_once_is_said_once(functions: Functions, at_once: AtOnce) -> None:
    task_id = functions.order()
    detail = {"about": "o-1", "kind": "delay", "channel": "email", "recipient": "a@example.org", "subject": "s"}
    detail |= {"body": "b", "send_at": "2026-11-22T12:00:00+00:00"}

    def keep(number: int) -> bool:
        unit = Unit("orchestration")
        try:
            services = functions.services(unit)
            task = services.tasks.get(task_id)
            kept = Messages(unit, TENANT, utc_now).keep(task, detail | {"fingerprint": f"f-{number % 2}"})
            unit.commit()
            return kept
        finally:
            unit.close()

    assert sum(at_once(keep, range(10))) >= 1
    assert len(functions.rows(messages)) == 1  # of two fingerprints of one kind the later one stands


def entry(number: int, tenant: str) -> Entry:
    return Entry(tenant, "/s", f"e-{number}", "T", utc_now(), "ada", "t-1", "c", "", f'{{"n":{number}}}')


def test_facts_that_are_appended_at_once_make_one_sound_chain_each_tenant(
    functions: Functions, at_once: AtOnce
) -> None:
    """Each fact is brought by two, and stands there once."""

    def append(number: int) -> None:
        for step in range(5):
            unit = Unit("audit")
            for tenant in ("a", "b"):
                Record(unit).add(entry(5 * (number // 2) + step, tenant))
            unit.commit()

    at_once(append, range(12))
    record = Record(Unit("audit"))
    assert [list(record.faults(tenant)) for tenant in ("a", "b")] == [[], []]
    assert [record.length(tenant) for tenant in ("a", "b")] == [30, 30]
    record.unit.close()


def test_batches_of_facts_in_any_order_of_tenants_never_wait_for_each_other(
    functions: Functions, at_once: AtOnce
) -> None:
    """What one batch holds another may want: all take the tenants in one order, so nobody is told to come again."""
    functions.order()
    (fact,) = functions.events(TaskSubmitted)

    def batch(number: int) -> list[int]:
        mixed = [
            replace(fact, id=f"{number}-{place}", extensions={**fact.extensions, "tenantid": f"t-{place % 5}"})
            for place in range(20)
        ]
        random.Random(number).shuffle(mixed)
        return functions.deliver("audit-record", *mixed)

    assert at_once(batch, range(8)) == [[204] * 20] * 8
    record = Record(Unit("audit"))
    assert [list(record.faults(tenant)) for tenant in record.tenants()] == [[]] * 5
    assert sum(record.length(tenant) for tenant in record.tenants()) == 160
    record.unit.close()


def test_a_refresh_token_that_many_bring_at_once_is_exchanged_once_and_ends_its_session(
    functions: Functions, at_once: AtOnce
) -> None:
    seed([SeedUser("ada@example.org", "Ada", TENANT, "Demo", "USER")], lambda _: "correct horse battery")
    unit = Unit("identity")
    login = Users(unit).find_login("ada@example.org")
    assert login is not None
    grant = Sessions(unit).open(login.user, TENANT, "USER")
    unit.commit()

    def exchange(_: int) -> Grant | Reused | None:
        unit = Unit("identity")
        try:
            answer = Sessions(unit).exchange(grant.refresh_token)
            unit.commit()
            return answer
        finally:
            unit.close()

    answers = at_once(exchange, range(20))
    assert Counter(type(answer).__name__ for answer in answers) == {"Grant": 1, "Reused": 19}
    assert sum(answer.ended for answer in answers if isinstance(answer, Reused)) == 1
    assert not Sessions(unit).lives(grant.session_id, login.user.id)
    unit.close()


def test_a_demonstration_that_is_seeded_by_many_at_once_has_each_user_once(
    functions: Functions, at_once: AtOnce
) -> None:
    people = [SeedUser(f"{name}@example.org", name, TENANT, "Demo", "USER") for name in ("ada", "bo")]
    made = at_once(lambda _: seed(people, lambda _email: "correct horse battery"), range(3))
    unit = Unit("identity")
    found: list[User] = [login.user for one in people if (login := Users(unit).find_login(one.email))]
    unit.close()
    assert len(found) == 2
    assert len(made) == 3


def test_timers_at_once_end_each_request_once(functions: Functions, at_once: AtOnce) -> None:
    requests = [waiting(functions) for _ in range(6)]
    over(requests)

    def fire(number: int) -> list[int]:
        event = TimerFired(function="hitl-expire", due_at=utc_now())
        return functions.deliver("hitl-expire", Envelope(f"fire-{number}", "/timer", event, utc_now()))

    assert at_once(fire, range(6)) == [[204]] * 6
    fire(99)  # what one left to another that held it is ended now
    assert Counter(one.event.request_id for one in functions.events(HITLExpired)) == dict.fromkeys(requests, 1)
    assert len(functions.events(ExceptionWork)) == 6


def over(requests: list[str]) -> None:
    """Let the time of these requests be over."""
    unit = Unit("orchestration")
    past = utc_now() - timedelta(minutes=1)
    unit.write().execute(update(approvals).where(approvals.c.id.in_(requests)).values(expires_at=past))
    unit.commit()


@pytest.mark.stores("postgres")
def test_a_timer_leaves_what_somebody_holds_and_ends_the_others(functions: Functions) -> None:
    held, free = waiting(functions), waiting(functions)
    over([held, free])
    task_of = {row.id: row.task_id for row in functions.rows(approvals)}
    unit = Unit("orchestration")
    functions.services(unit).tasks.hold(task_of[held])
    event = Envelope("fire", "/timer", TimerFired(function="hitl-expire", due_at=utc_now()), utc_now())
    assert functions.deliver("hitl-expire", event) == [204]
    unit.close()
    assert [one.event.request_id for one in functions.events(HITLExpired)] == [free]


@pytest.mark.stores("postgres")
def test_a_queue_is_put_in_order_without_waiting_for_who_decides(functions: Functions) -> None:
    deciding, others = waiting(functions), [waiting(functions) for _ in range(2)]
    unit = Unit("orchestration")
    services = functions.services(unit)
    services.approvals.end(services.approvals.get(deciding), "withdrawn")
    (opened,) = [one for one in functions.events(HITLRequested) if one.event.request_id == others[1]]
    assert functions.deliver("hitl-rank", opened) == [204]
    unit.commit()
    ranks = {row.id: row.notes.get("rank") for row in functions.rows(approvals)}
    assert (ranks[deciding], sorted(ranks[one] for one in others)) == (None, [1, 2])


def test_a_cancellation_while_its_request_is_being_opened_withdraws_the_request(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes wholly before or wholly after, so no request is left waiting for a task that is over."""
    task_id = functions.order("90000.00")
    (work,) = functions.events(ApprovalWork)
    cancelling = threading.Thread(target=lambda: functions.call("tasks-cancel", {}, task_id=task_id))
    real = Approvals.open

    def slowly(self: Approvals, approval: Approval) -> None:
        cancelling.start()
        cancelling.join(0.5)  # time enough for one that does not wait for us
        real(self, approval)

    monkeypatch.setattr(Approvals, "open", slowly)
    assert functions.deliver("hitl-open", work) == [204]
    cancelling.join()
    assert [row.status for row in functions.rows(tasks)] == ["cancelled"]
    assert [row.status for row in functions.rows(approvals)] == ["withdrawn"]


def test_deciding_cancelling_expiring_and_ranking_at_once_end_in_one_story(
    functions: Functions, at_once: AtOnce
) -> None:
    """None waits for another for ever: no answer but done, or "somebody was first"."""
    requests = [waiting(functions) for _ in range(8)]
    task_of = {row.id: row.task_id for row in functions.rows(approvals)}
    opened = {one.event.request_id: one for one in functions.events(HITLRequested)}
    over(requests[6:])

    def act(number: int) -> list[int]:
        request = requests[number // 4]
        match number % 4:
            case 0:
                return [functions.call("hitl-decide", {"request_id": request, "decision": "reject"}).status]
            case 1:
                return [functions.call("tasks-cancel", {}, task_id=task_of[request]).status]
            case 2:
                told = opened[request]
                return [*functions.deliver("agent-hitl-coordinator", told), *functions.deliver("hitl-rank", told)]
        event = TimerFired(function="hitl-expire", due_at=utc_now())
        return functions.deliver("hitl-expire", Envelope(f"fire-{number}", "/timer", event, utc_now()))

    answers = at_once(act, range(32))
    assert {status for answer in answers for status in answer} <= {200, 204, 409}
    ends = Counter(one.event.task_id for one in functions.events(TaskEnded))
    assert ends == dict.fromkeys((task_of[request] for request in requests), 1)
    assert not [row for row in functions.rows(approvals) if row.status == "pending"]


def test_relays_at_once_send_each_row_once_where_claims_can_be_told_apart(
    functions: Functions, at_once: AtOnce
) -> None:
    for _ in range(10):
        functions.order()
    outbox.sent().note()
    unit = Unit("orchestration")
    sent = outbox.table("orchestration", "outbox")
    unit.write().execute(update(sent).values(sent_at=None))
    unit.commit()
    functions.sink.sent.clear()
    count = len(functions.rows(sent))
    relayed = at_once(lambda _: relay("orchestration", functions.sink, older_than=timedelta(0), limit=7), range(8))
    while relay("orchestration", functions.sink, older_than=timedelta(0)):
        pass
    ids = Counter(message.id for message in functions.sink.sent)
    assert set(ids) == {row.id for row in functions.rows(sent)}
    if Unit("orchestration").many_writers:
        assert sum(relayed) == min(count, 7 * 8)
        assert set(ids.values()) == {1}


def test_the_outbox_counts_every_event_once(functions: Functions, at_once: AtOnce) -> None:
    at_once(lambda _: functions.order(), range(10))
    outbox.sent().note()
    unit = Unit("orchestration")
    sent = outbox.table("orchestration", "outbox")
    query = select(func.count(), func.count(sent.c.id.distinct()), func.count(sent.c.sent_at))
    assert len(set(unit.read().execute(query).one())) == 1
    unit.close()
