"""The live view says in one line what happened, for people and for machines."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

from events.customers import LeadCreated
from events.envelope import Envelope
from events.event import Event
from events.orchestration import AgentCompleted, HITLRequested, TaskAssigned, TaskEnded, TaskSubmitted
from host.live import Live
from host.spawner import ROOT
from shared.bus.port import Message, Record


def lines(event: Event | bytes, *, json_lines: bool = False) -> list[str]:
    stream = io.StringIO()
    body = event if isinstance(event, bytes) else Envelope("1", "/s", event, extensions={"tenantid": "demo"}).encode()
    Live(json_lines=json_lines, stream=stream).on_fact(Record("t", 0, 0, Message("1", body), "r"))
    return stream.getvalue().splitlines()


def test_a_task_that_came_says_where_it_goes_or_why_it_waits() -> None:
    came = TaskSubmitted(task_id="a1b2c3d4e5", task_type="order", actor="u", role="payment_validator", escalated=False)
    assert lines(came)[0].endswith("demo  order a1b2c3d4 came and goes to payment_validator")
    waits = came.model_copy(update={"escalated": True, "triggers": ("high_value_transaction",)})
    assert lines(waits)[0].endswith("order a1b2c3d4 came and waits for a human: high_value_transaction")


def test_a_role_that_worked_says_what_it_found_how_sure_and_by_which_engine() -> None:
    done = AgentCompleted(
        task_id="a1b2c3d4e5", task_type="order", role="fraud_screener", step=1, outcome="accept", confidence=0.5,
        engine="playbook", next_role="fulfilment_planner",
    )  # fmt: skip
    assert lines(done)[0].endswith("fraud_screener says accept (0.50, playbook), on to fulfilment_planner")


def test_an_end_says_its_reason() -> None:
    over = TaskEnded(task_id="a1b2c3d4e5", task_type="order", status="rejected", actor="u", why="a fraud")
    assert lines(over)[0].endswith("order a1b2c3d4 rejected: a fraud")


def test_people_are_spared_what_the_lines_around_say_and_machines_are_not() -> None:
    fact = TaskAssigned(task_id="a1", task_type="order", role="r", queue="q", step=0)
    assert lines(fact) == []
    assert json.loads(lines(fact, json_lines=True)[0])["fact"]["type"] == TaskAssigned.wire_type()


def test_machines_are_told_whose_a_fact_is_and_where_to_find_it_but_not_what_a_customer_said() -> None:
    """A log is kept longer and read by more than a business's own records."""
    said = LeadCreated(lead_id="l1", email="jo@example.com", company="Jo & Co")
    (line,) = lines(said, json_lines=True)
    fact = json.loads(line)["fact"]
    assert (fact["id"], fact["source"], fact["tenantid"]) == ("1", "/s", "demo")
    assert "data" not in fact
    assert "example.com" not in line
    assert "Jo & Co" not in line


def test_a_message_that_is_no_event_is_said_and_does_no_harm() -> None:
    assert "not an event" in lines(b"rubbish")[0]


def test_a_request_says_how_urgent_it_is() -> None:
    request = HITLRequested.model_validate(
        {
            "request_id": "r",
            "task_id": "a1b2c3d4e5",
            "task_type": "order",
            "kind": "approval",
            "urgency": "high",
            "triggers": ["fraud_risk_detected"],
            "expires_at": "2026-11-23T00:00:00Z",
        }
    )
    assert lines(request)[0].endswith("waits for a human (high): fraud_risk_detected")


class Closed(io.StringIO):
    """A pipe whose reader went away, or a file on a full disk."""

    def flush(self) -> None:
        raise BrokenPipeError


def test_the_work_goes_on_when_nobody_can_be_told() -> None:
    """Facts are told in the thread that moves all messages: an error there would stop the house."""
    body = Envelope("1", "/s", TaskEnded(task_id="a", task_type="order", status="completed", actor="u")).encode()
    live = Live(json_lines=False, stream=Closed())
    live.on_fact(Record("t", 0, 0, Message("1", body), "r"))
    live.on_log("tasks-get", 1, "hello")


def test_a_long_line_is_written_to_its_end_whatever_signals_come() -> None:
    """An unbuffered Python leaves off where a signal met it while the reader was slow."""
    program = (
        "import signal; from host.live import Live\n"
        "signal.signal(signal.SIGALRM, lambda *_: None)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        "Live(json_lines=True).say('x' * 1_000_000)\n"
    )
    environment = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "PATH": ""}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = os.read(process.stdout.fileno(), 1)
        read: list[bytes] = [first]
        while part := os.read(process.stdout.fileno(), 4096):
            read.append(part)
    assert len(json.loads(b"".join(read))["text"]) == 1_000_000
