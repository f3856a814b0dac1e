"""Orders go through their four roles on a real database, and what may be said to the customer is kept once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from events.commerce import PaymentProcessed
from events.jsontext import dumps, loads
from events.orchestration import AgentCompleted, HITLDecided, HITLRequested
from events.work import ApprovalWork, ExceptionWork, RoleWork
from functions.agents import prepare, work
from functions.catalogue import by_name
from functions.hitl import decide as deciding
from functions.hitl import open as opening
from functions.tasks import react
from scripts.demo_day import NOON, SPECIAL, kind_of, orders
from shared.agents.roles import role
from shared.contract import Caller, Context
from shared.coordination.flow import Order, submit
from shared.coordination.messages import Messages
from shared.coordination.tasks import Task
from shared.errors import Conflict, Invalid
from shared.runtime.services import Services
from shared.store.database import Unit
from shared.store.orchestration import messages
from tests.shared.agents.toolbox.order_shop import order, payment, shop

START = datetime(2026, 12, 11, 13, 30, tzinfo=UTC)
LATE = {"promised_by": "2026-12-11"}  # no service arrives on the day itself


class Shop:
    """The demo shop: its functions are called one after the other, each in a call of its own."""

    def __init__(self) -> None:
        self.clock, self.calls = START, 0
        self.waiting: list[Any] = []
        self.told: list[Any] = []
        self.call("tasks-create", lambda services: services.tenants.save("demo", shop(), "test"))

    def call(self, name: str, act: Callable[[Services], Any]) -> Any:
        self.clock, self.calls = self.clock + timedelta(seconds=1), self.calls + 1
        unit = Unit("orchestration")
        context = Context(f"call-{self.calls}", "/test", "demo", "ada", "story", self.clock)
        services = Services(by_name()[name], context, unit, now=lambda: self.clock)
        try:
            result = act(services)
            unit.commit()
        finally:
            unit.close()
        self.told += services.emitted
        self.waiting += [one for one in services.emitted if isinstance(one, RoleWork | ApprovalWork | ExceptionWork)]
        return result

    def handle(self, name: str, module: Any, event: Any) -> list[Any]:
        def act(services: Services) -> list[Any]:
            happened = list(module.handle(event, services))
            services.emit(*happened)
            return happened

        return list(self.call(name, act))

    def place(self, data: dict[str, Any]) -> Task:
        """The order's task when nothing more happens by itself."""

        def act(services: Services) -> Task:
            task, happened = submit(services, Order("order", data))
            services.emit(*happened)
            return task

        task = self.call("tasks-create", act)
        self.run()
        return self.task(task.id)

    def pay(self, data: dict[str, Any]) -> None:
        event = PaymentProcessed(
            order_id=data["order_id"],
            payment_id="pay-1",
            amount=90,
            currency="EUR",
            status="paid",
            payments=[payment()],
        )
        self.handle("tasks-react", react, event)
        self.run()

    def run(self) -> None:
        while self.waiting:
            event = self.waiting.pop(0)
            if isinstance(event, RoleWork):
                self.handle(f"agent-{event.role.replace('_', '-')}", work, event)
            else:
                self.handle("hitl-open", opening, event)

    def decide(self, task: Task, decision: str, **more: Any) -> Task:
        caller = Caller("grace", "demo", "TENANT_ADMIN")

        def act(services: Services) -> None:
            request = services.approvals.waiting_for(task.id)
            assert request is not None
            body = deciding.Decision(request_id=request.id, decision=decision, **more)
            deciding.decide(body, caller, services)

        self.call("hitl-decide", act)
        self.run()
        return self.task(task.id)

    def prepared(self, task: Task) -> dict[str, Any]:
        """What the coordinator notes on a task's request."""
        asked = [one for one in self.facts(HITLRequested) if one.task_id == task.id][-1]
        self.handle("agent-hitl-coordinator", prepare, asked)
        notes = self.call("tasks-get", lambda services: services.approvals.get(asked.request_id)).notes
        return dict(notes)

    def facts(self, kind: type[Any]) -> list[Any]:
        """The facts of a kind, as they were told."""
        return [one for one in self.told if isinstance(one, kind)]

    def task(self, task_id: str) -> Task:
        task: Task = self.call("tasks-get", lambda services: services.tasks.get(task_id))
        return task

    def said(self, order_id: str = "A-1042") -> list[str]:
        """The kinds of the messages that are kept about an order."""
        return [
            one["kind"] for one in self.call("tasks-get", lambda services: services.history.messages_said(order_id))
        ]

    def sent(self) -> None:
        """A connector delivers all that waits."""
        self.call(
            "tasks-create", lambda services: services.unit.write().execute(update(messages).values(status="sent"))
        )


@pytest.fixture
def place(home: Path) -> Shop:
    assert home
    return Shop()


def outcomes(task: Task) -> list[tuple[str, str]]:
    return [(entry["role"], entry["outcome"]) for entry in task.results]


def test_an_ordinary_order_is_done_without_a_human_and_confirmed(place: Shop) -> None:
    task = place.place(order())
    assert task.status == "completed"
    assert outcomes(task) == [
        ("payment_validator", "paid"),
        ("fraud_screener", "accept"),
        ("fulfilment_planner", "planned"),
        ("order_communicator", "message"),
    ]
    assert place.said() == ["confirmation"]


def test_a_role_is_told_what_the_submitter_wants(place: Shop) -> None:
    def told(services: Services) -> Any:
        task, _ = submit(services, Order("order", order(), "For our fair.", "A parcel by Friday."))
        return work.case_of(services, role(task.role), task).asked

    asked = {"description": "For our fair.", "expected_output": "A parcel by Friday."}
    assert place.call("agent-payment-validator", told) == asked


def test_the_message_kept_is_the_one_proposed(place: Shop) -> None:
    task = place.place(order())
    detail = task.results[-1]["proposals"][0]["detail"]
    query = select(messages).where(messages.c.tenant == "demo")
    row = place.call("tasks-get", lambda services: services.unit.read().execute(query).one())
    for name in ("about", "kind", "fingerprint", "channel", "recipient", "subject", "body"):
        assert getattr(row, name) == detail[name]
    assert (row.status, row.task_id, row.send_at.isoformat()) == ("ready", task.id, detail["send_at"])


def test_a_payment_that_arrives_twice_sends_one_message(place: Shop) -> None:
    """The order waits for its money; the payment's fact comes twice, the second time after the first's task."""
    data = order(payments=[])
    assert outcomes(place.place(data)) == [("payment_validator", "unpaid"), ("order_communicator", "message")]
    assert place.said() == ["payment_needed"]
    place.sent()
    place.pay(data)
    place.pay(data)
    assert place.said() == ["payment_needed", "confirmation"]
    assert outcomes(place.place(order()))[-1] == ("order_communicator", "nothing")
    assert place.said() == ["payment_needed", "confirmation"]


def test_a_message_that_waits_gives_way_to_what_is_true_now(place: Shop) -> None:
    data = order(payments=[])
    place.place(data)
    place.pay(data)
    assert place.said() == ["confirmation"]


def test_a_delay_is_told_when_a_human_has_approved_it_and_not_before(place: Shop) -> None:
    task = place.place(order(**LATE))
    assert (task.status, task.verdict["triggers"]) == ("awaiting_approval", ["legal_review_required"])
    assert place.said() == []
    assert (place.decide(task, "approve").status, place.said()) == ("completed", ["delayed"])


def test_a_message_that_a_human_rejects_is_not_kept(place: Shop) -> None:
    task = place.place(order(**LATE))
    assert (place.decide(task, "reject").status, place.said()) == ("rejected", [])


def test_a_message_goes_as_the_human_changed_it(place: Shop) -> None:
    task = place.place(order(**LATE))
    (proposal,) = task.verdict["action"]["proposals"]
    changed = {**proposal, "detail": {**proposal["detail"], "body": "Es dauert länger, 4111 1111 1111 1111."}}
    place.decide(task, "modify", modified_action={**task.verdict["action"], "proposals": [changed]})
    body = place.call("tasks-get", lambda services: services.unit.read().execute(select(messages.c.body)).scalar_one())
    assert body == "Es dauert länger, ****1111."


def test_a_change_that_cannot_be_sent_is_refused_and_nothing_happens(place: Shop) -> None:
    task = place.place(order(**LATE))
    (proposal,) = task.verdict["action"]["proposals"]
    changed = {**proposal, "detail": {**proposal["detail"], "send_at": "tomorrow"}}
    with pytest.raises(Invalid) as refused:
        place.decide(task, "modify", modified_action={**task.verdict["action"], "proposals": [changed]})
    assert refused.value.problems[0].field == "proposals[0].detail.send_at"
    assert (place.task(task.id).status, place.said()) == ("awaiting_approval", [])


def test_a_double_charge_waits_for_a_human_and_then_goes_on(place: Shop) -> None:
    twice = [payment(), payment(id="pay-2", psp_reference="psp-2")]
    task = place.place(order(payments=twice))
    assert (task.status, task.verdict["triggers"]) == ("awaiting_approval", ["risky_action"])
    done = place.decide(task, "approve")
    assert (done.status, len(done.results)) == ("completed", 4)


def test_a_backend_learns_what_stands_and_what_a_human_made_of_the_rest(place: Shop) -> None:
    """A refund that waits is not one that may be paid: that is told with the decision, as it was decided."""
    twice = [payment(), payment(id="pay-2", psp_reference="psp-2")]
    task = place.place(order(payments=twice))
    (waits,) = place.facts(AgentCompleted)
    assert ([one["action"] for one in waits.proposals], waits.waits_for_human) == (["refund_excess"], True)
    (refund,) = task.verdict["action"]["proposals"]
    half = {**refund, "detail": {**refund["detail"], "amount": "45.00"}}
    place.decide(task, "modify", modified_action={**task.verdict["action"], "proposals": [half]})
    (decided,) = place.facts(HITLDecided)
    assert (decided.action["outcome"], decided.action["proposals"]) == ("overpaid", [half])
    assert [one.waits_for_human for one in place.facts(AgentCompleted)] == [True, False, False, False]


def test_an_approval_tells_the_proposals_that_were_seen_and_a_rejection_none(place: Shop) -> None:
    twice = [payment(), payment(id="pay-2", psp_reference="psp-2")]
    task = place.place(order(payments=twice))
    place.decide(task, "approve")
    other = place.place(order(order_id="A-1043", amount="5000.01"))
    place.decide(other, "reject")
    approved, rejected = place.facts(HITLDecided)
    assert approved.action == task.verdict["action"]
    assert rejected.action == {}


@pytest.mark.parametrize("amount", ["a lot", "-1.00", "0", "1.005", None, 4.5])
def test_a_refund_changed_into_no_amount_is_refused(place: Shop, amount: Any) -> None:
    task = place.place(order(payments=[payment(), payment(id="pay-2", psp_reference="psp-2")]))
    (refund,) = task.verdict["action"]["proposals"]
    wrong = {**refund, "detail": {**refund["detail"], "amount": amount}}
    with pytest.raises(Invalid) as refused:
        place.decide(task, "modify", modified_action={**task.verdict["action"], "proposals": [wrong]})
    assert refused.value.problems[0].field == "modified_action.proposals[0].detail.amount"


def test_a_request_is_not_decided_for_a_task_that_changed_since_it_was_seen(place: Shop) -> None:
    task = place.place(order(amount="5000.01"))
    changed = {**task.data, "amount": "9999.00"}
    place.call("tasks-create", lambda services: services.tasks.change(task, "awaiting_approval", data=changed))
    with pytest.raises(Conflict, match="changed since"):
        place.decide(task, "approve")
    assert place.task(task.id).status == "awaiting_approval"


@pytest.mark.parametrize(
    "stops", [{"payments": [payment(), payment(id="pay-2", psp_reference="psp-2")]}, {"lines": []}]
)
def test_work_of_a_vip_customer_is_as_urgent_when_it_stops_later(place: Shop, stops: dict[str, Any]) -> None:
    """By what a role found, or because it could not do its work: the tenant's policy holds then too."""
    settings = shop()
    settings["policy"]["vip_urgency"] = "high"
    place.call("tasks-create", lambda services: services.tenants.save("demo", settings, "test"))
    assert place.place(order(vip_customer=True, **stops)).verdict["urgency"] == "high"
    assert place.place(order(order_id="A-1043", **stops)).verdict["urgency"] == "low"


def test_a_score_to_decline_stops_once_and_approving_lets_the_order_pass(place: Shop) -> None:
    """Undecided before the work: the code's answer comes with the payment, and one rule fires, not two."""
    settings = shop()
    settings["policy"]["fraud_score"] = "0.1"
    place.call("tasks-create", lambda services: services.tenants.save("demo", settings, "test"))
    bad = payment(avs="N", cvv="N", eci=None, trans_status=None)
    task = place.place(order(payments=[bad], fraud_score="0.01"))
    assert outcomes(task)[-1] == ("fraud_screener", "decline")
    assert [reason["trigger"] for reason in task.verdict["reasons"]] == ["fraud_risk_detected"]
    assert place.decide(task, "approve").status == "completed"


def test_a_reviewer_who_refuses_an_order_finds_the_words_for_it(place: Shop) -> None:
    settings = shop()
    settings["policy"]["fraud_score"] = "0.1"
    place.call("tasks-create", lambda services: services.tenants.save("demo", settings, "test"))
    bad = payment(avs="N", cvv="N", eci=None, trans_status=None)
    task = place.place(order(payments=[bad], fraud_score="0.01"))
    cancel = {"action": "cancel_order", "detail": {"order_id": "A-1042"}}
    action = {**task.verdict["action"], "outcome": "refused", "proposals": [cancel]}
    told = place.decide(task, "modify", modified_action=action)
    assert outcomes(told)[-1] == ("order_communicator", "by_human")
    assert told.verdict["triggers"] == ["fraud_risk_detected"]
    assert place.said() == []


def test_a_card_number_is_stored_as_its_last_four_and_looked_at_once(place: Shop) -> None:
    task = place.place(order(note="pay with 4111 1111 1111 1111"))
    assert (task.data["note"], task.verdict["triggers"]) == ("pay with ****1111", ["potential_policy_violation"])
    done = place.decide(task, "approve")
    assert (done.status, len(done.results)) == ("completed", 4)


def test_an_iban_is_masked_and_is_no_reason_to_stop(place: Shop) -> None:
    """DE89 3704 0044 0532 0130 00 is a sound IBAN (ISO 13616); it belongs where it stands."""
    bank = payment(method="sepa", card=None, iban="DE89370400440532013000", avs=None, cvv=None, eci=None)
    task = place.place(order(payments=[bank]))
    assert (task.data["payments"][0]["iban"], task.status) == ("****3000", "completed")


def test_one_payment_for_two_orders_is_looked_at(place: Shop) -> None:
    place.place(order())
    task = place.place(order(order_id="A-1043"))
    assert (task.status, outcomes(task)) == ("awaiting_approval", [("payment_validator", "paid")])
    assert task.results[0]["output"]["duplicate"] == {
        "kind": "reference_reused",
        "other": "A-1042",
        "excess": {"amount": "0.00", "currency": "EUR"},
    }


def test_a_day_of_forty_orders_stops_where_a_human_should_look_and_nowhere_else(place: Shop) -> None:
    """The demo day by its seed: of eight particular orders the one in dollars and the unpaid one need nobody."""
    place.clock = NOON - timedelta(hours=5)
    stopped = {}
    for number, data in enumerate(orders(7)):
        place.clock = max(place.clock, datetime.fromisoformat(data["placed_at"]))
        if place.place(loads(dumps(data))).status != "completed":
            stopped[kind_of(7, number)] = data["order_id"]
    assert set(stopped) == set(SPECIAL) - {"dollars", "unpaid"}
    said = [place.said(data["order_id"]) for data in orders(7) if data["order_id"] not in stopped.values()]
    assert Counter(kind for (kind,) in said) == {"confirmation": 33, "payment_needed": 1}


@pytest.mark.parametrize(
    "stops",
    [
        {"payments": [payment(), payment(id="pay-2", psp_reference="psp-2")]},
        {"payments": [payment(avs="N", cvv="N", eci=None, trans_status=None)], "margin": "5.00"},
        {"amount": "95.00"},
        LATE,
    ],
    ids=["charged twice", "fraud", "totals", "late"],
)
def test_what_a_role_says_of_its_own_findings_is_not_doubted(place: Shop, stops: dict[str, Any]) -> None:
    """The reviewer's brief warns of numbers that nothing supports; those of the role's tools are no such."""
    task = place.place(order(**stops))
    assert task.verdict["recommendation"]
    notes = place.prepared(task)
    assert notes["unsupported"] == []
    assert not any("Not supported" in line for section in notes["brief"] for line in section["lines"])


def test_a_reviewer_sees_what_a_computed_score_comes_from(place: Shop) -> None:
    settings = shop()
    settings["policy"]["fraud_score"] = "0.03"
    place.call("tasks-create", lambda services: services.tenants.save("demo", settings, "test"))
    task = place.place(order(payments=[payment(avs="N", cvv="N", eci=None, trans_status=None)]))
    assert task.verdict["stage"] == "before"
    lines = place.prepared(task)["brief"][1]["lines"]
    assert lines[1].startswith("fraud_score was computed: prior -4.")
    assert "cvv_no_match 2.996" in lines[1]


def test_a_tenant_sees_no_message_of_another(place: Shop) -> None:
    place.place(order())

    def foreign(services: Services) -> list[dict[str, Any]]:
        return Messages(services.unit, "other", services.now).said("A-1042")

    assert place.call("tasks-get", foreign) == []


@pytest.mark.parametrize(
    ("name", "value"), [("about", "x" * 201), ("fingerprint", None), ("send_at", "2026-12-11T10:00"), ("body", " ")]
)
def test_a_message_that_cannot_be_kept_is_refused_by_its_field(place: Shop, name: str, value: Any) -> None:
    task = place.place(order())
    detail = {**task.results[-1]["proposals"][0]["detail"], name: value}
    with pytest.raises(Invalid) as refused:
        place.call("tasks-create", lambda s: Messages(s.unit, "demo", s.now).keep(task, detail))
    assert refused.value.problems[0].field == f"detail.{name}"


def test_the_same_message_is_kept_once(place: Shop) -> None:
    task = place.place(order())
    detail = task.results[-1]["proposals"][0]["detail"]
    assert place.call("tasks-create", lambda s: Messages(s.unit, "demo", s.now).keep(task, detail)) is False
    assert place.said() == ["confirmation"]
