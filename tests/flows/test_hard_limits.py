"""What the host ends, refuses or does not begin: roles over their time, full queues, crashing functions, poison."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from events.customers import LeadCreated
from events.envelope import Envelope
from events.event import Event
from events.work import ApprovalWork, RoleWork
from host.policy import BACKOFF_FIRST, backoff
from shared.bus.port import DeadLetter, Message
from shared.ids import derive_id
from shared.runtime.clock import utc_now
from tests.flows.conftest import MakePlatform
from tests.flows.counting import count
from tests.flows.platform import PASSWORD, ROOT, Platform, wait_for
from tests.flows.samples import big_order, order

pytestmark = pytest.mark.flow
KEY = "sk-flow-hard-limits"
T = TypeVar("T")


def metric(one: Platform, name: str, function: str) -> float:
    """A gauge of a function, as GET /metrics has it."""
    start = f'bizosaas_function_{name}{{function="{function}"}} '
    lines = one.client.get("/metrics").text.splitlines()
    return next(float(line.removeprefix(start)) for line in lines if line.startswith(start))


def halted(one: Platform, function: str) -> int:
    """Stop a function's idle process in its tracks: the call that it gets next it will neither do nor refuse."""
    pid = wait_for(lambda: one.pid_of(function), f"{function} to be awake")
    wait_for(lambda: metric(one, "in_flight", function) == 0, f"{function} to have no call")
    os.kill(pid, signal.SIGSTOP)
    return pid


def _found(value: T | None) -> T:
    assert value is not None
    return value


def told(one: Platform, event: str, **fields: Any) -> dict[str, Any]:
    """A log line, once it is there."""
    return _found(wait_for(lambda: one.has_line(event, **fields), f"{event} {fields} to be told"))


def send(one: Platform, queue: str, message: Message) -> None:
    """Put a message straight on a queue, as nobody of the platform would."""
    with one.bus() as bus:
        bus.send([(queue, message)])


def enveloped(event: Event, tenant: str = "demo") -> Message:
    name = derive_id(type(event).__name__, event.model_dump_json())
    envelope = Envelope(id=name, source="/test", event=event, time=utc_now(), extensions={"tenantid": tenant})
    return Message(id=name, body=envelope.encode(), key=tenant)


def dead(one: Platform, queue: str, message: Message) -> DeadLetter:
    """The dead letter of a message, once it is one."""

    def ask() -> DeadLetter | None:
        with one.bus() as bus:
            return next((item for item in bus.dead_letters(queue).items if item.message.id == message.id), None)

    return _found(wait_for(ask, f"{message.id} to die in {queue}"))


# --- time ---------------------------------------------------------------------------------------------


def test_a_role_that_runs_over_its_time_is_ended_and_a_human_is_asked(platform: MakePlatform) -> None:
    """The host kills its process after the function's time and no sooner; the task waits as an exception with the
    reason. Approved, the role does the same work again, in a new process, and the order goes through."""
    limit = 2
    one = platform(annotations={"timeout": {"agent-payment-validator": f"{limit}s"}}).start()
    one.task(one.submit("order", order())["id"], "completed")
    pid = halted(one, "agent-payment-validator")
    task = one.submit("order", order())["id"]
    request = one.request_of(task)
    assert (request["kind"], request["triggers"]) == ("exception", ["ran_over_its_time"])
    assert request["role"] == "payment_validator"
    assert f"one call may last {limit} seconds" in request["reasons"][0]["actual"]
    killed = told(one, "killed", pid=pid)
    assert (killed["reason"], killed["status"], killed["tone"]) == ("over_time", -signal.SIGKILL, "bad")
    assert one.get(f"/tasks/{task}")["results"] == []
    answer = one.call("POST", "/hitl/decision", json={"request_id": request["id"], "decision": "approve"})
    assert answer.status_code == 200, answer.text
    done = one.task(task, "completed")
    assert [result["outcome"] for result in done["results"]] == ["paid", "accept", "planned", "message"]
    assert one.pid_of("agent-payment-validator") not in (0, pid)
    count(one, [task])


# --- poison -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "message", "says"),
    [
        ("auto_orders", Message(id="not-json", body=b"\x00 what is this"), "not an event of this house"),
        ("auto_support_tickets", Message(id="no-event", body=b'{"hello": "world"}'), "specversion"),
        ("hitl_training", Message(id="not-training", body=b"[]"), "an event is a JSON object"),
        ("hitl_approval", enveloped(ApprovalWork(task_id="nobody-knows-it", step=0)), "no task has the id"),
        (
            "auto_orders",
            enveloped(LeadCreated(lead_id="lead-1")),
            "dispatch does not take bizosaas.customers.LeadCreated.v1",
        ),
    ],
    ids=["not JSON", "no event", "in a batch", "no such task", "of another kind"],
)
def test_a_message_that_can_never_be_handled_dies_at_once_with_the_reason(
    shop: Platform, queue: str, message: Message, says: str
) -> None:
    """It rests in its queue's dead letters, whole, after one attempt, and what came behind it is done."""
    send(shop, queue, message)
    task = shop.submit("order", order())["id"]
    letter = dead(shop, queue, message)
    assert says in letter.reason
    assert (letter.attempts, letter.origin, letter.message.body) == (1, queue, message.body)
    line = told(shop, "buried", id=message.id)
    assert (line["queue"], line["reason"], line["tone"]) == (queue, letter.reason, "bad")
    shop.task(task, "completed")
    count(shop, [task])


def test_work_for_a_role_that_nobody_has_dies_in_the_queue_of_exceptions(shop: Platform) -> None:
    """No role takes it, and no human can be asked about a task that is not there."""
    work = RoleWork(task_id="lost", task_type="order", role="soothsayer", queue="auto_orders", step=0)
    send(shop, "auto_orders", enveloped(work))

    def ask() -> DeadLetter | None:
        with shop.bus() as bus:
            return next(
                (one for one in bus.dead_letters("hitl_exceptions").items if b'"lost"' in one.message.body), None
            )

    assert "no task" in _found(wait_for(ask, "the question to a human to die")).reason


def test_a_message_that_fails_every_time_dies_after_its_attempts_and_others_flow_on(platform: MakePlatform) -> None:
    """A row that cannot be read any more is nobody's answer: five attempts, then the dead letters; an order that
    came behind it was done meanwhile."""
    one = platform().start()
    broken = one.submit("order", big_order())["id"]
    one.request_of(broken)
    one.quiet()
    with sqlite3.connect(one.home / "orchestration.db", timeout=10) as connection:
        connection.execute("UPDATE tasks SET verdict = '{' WHERE id = ?", (broken,))
        connection.execute("UPDATE approvals SET status = 'withdrawn' WHERE task_id = ?", (broken,))
    connection.close()
    poison = enveloped(ApprovalWork(task_id=broken, step=0))
    send(one, "hitl_approval", poison)
    other = one.submit("order", big_order())["id"]
    one.request_of(other)
    letter = dead(one, "hitl_approval", poison)
    assert letter.attempts == 5
    assert "hitl-open failed unexpectedly (JSONDecodeError)" in letter.reason
    retried = [line["attempt"] for line in one.lines if line.get("event") == "retried" and line["id"] == poison.id]
    assert retried == [1, 2, 3, 4, 5]


# --- limits of a function -----------------------------------------------------------------------------


def test_a_function_whose_queue_is_full_answers_503_with_retry_after(platform: MakePlatform) -> None:
    """One call at a time, one that waits: the third is refused at once, as a problem that says when to come again;
    the two are answered, and other functions are not concerned."""
    name = "tasks-get"
    one = platform(annotations={"concurrency": {name: "1"}, "queue-limit": {name: "1"}}).start()
    path = f"/tasks/{one.submit('order', big_order())['id']}"
    one.get(path)
    pid = halted(one, name)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(one.call, "GET", path)
        wait_for(lambda: metric(one, "in_flight", name) == 1, "the first call to be in flight")
        second = pool.submit(one.call, "GET", path)
        wait_for(lambda: metric(one, "waiting", name) == 1, "the second call to wait")
        third = one.call("GET", path)
        assert one.call("GET", "/auth/me").status_code == 200
        os.kill(pid, signal.SIGCONT)
        assert [answer.result().status_code for answer in (first, second)] == [200, 200]
    assert third.status_code == 503
    assert int(third.headers["retry-after"]) >= 1
    assert third.headers["content-type"] == "application/problem+json"
    assert third.json()["detail"] == "as many calls wait for this function as may"
    assert one.call("GET", path).status_code == 200


def test_a_function_that_cannot_start_is_tried_more_and_more_seldom(tmp_path: Path, platform: MakePlatform) -> None:
    """Whoever calls it gets a 503 in the end; the starts are spaced out by the backoff; all others work meanwhile,
    and what was wrong stands in the log."""
    one = platform()
    change(one, "tasks-get", environment={"FUNCTION": "tasks-get", "BIZOSAAS_BODY_LIMIT": "much"})
    one.start()
    task = one.submit("order", big_order())["id"]
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(one.call, "GET", f"/tasks/{task}")
        one.request_of(task)
        assert one.call("GET", f"/tasks/{task}/events").status_code == 200
        answer = call.result()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["retry-after"]) >= 1
    crashes = [line for line in one.lines if line.get("event") == "crashed" and line["function"] == "tasks-get"]
    assert [line["failures"] for line in crashes] == list(range(1, len(crashes) + 1))
    assert all(line["retry_in"] <= backoff(line["failures"], 1.0) for line in crashes)
    # The pauses are at least half of what they may be, so that so many starts take this long, not counting the work.
    assert sum(BACKOFF_FIRST / 2 * 2**number for number in range(len(crashes) - 1)) < 40
    assert any("BIZOSAAS_BODY_LIMIT" in line["text"] for line in one.lines if line.get("function") == "tasks-get")
    assert one.call("GET", "/auth/me").status_code == 200
    assert one.stop() == 0


def test_a_function_that_dies_of_every_call_is_one_call_s_loss_each_time(platform: MakePlatform) -> None:
    """Its process ends when it has the call: 502 for that one, never a hung one; it is started again, later each
    time, and after the first call that it answers all is as before."""
    one = platform().start()
    path = f"/tasks/{one.submit('order', big_order())['id']}"
    for _ in range(3):
        one.get(path)
        pid = halted(one, "tasks-get")
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(one.call, "GET", path)
            wait_for(lambda: metric(one, "in_flight", "tasks-get") == 1, "the call to be in flight")
            os.kill(pid, signal.SIGKILL)
            answer = call.result()
        assert answer.status_code == 502
        assert answer.json()["title"] == "The function ended before it answered"
        crash = told(one, "crashed", pid=pid)
        assert (crash["failures"], crash["status"]) == (1, -signal.SIGKILL)
    one.get(path)


# --- what is not begun, and not given -----------------------------------------------------------------


def change(one: Platform, function: str, **fields: Any) -> None:
    """Change a function in the platform's stack file."""
    assert one.stack is not None
    stack = yaml.load(one.stack.read_text(), yaml.BaseLoader)
    stack["functions"][function].update(fields)
    one.stack.write_text(yaml.safe_dump(stack))


def test_nothing_starts_while_a_function_leaves_open_who_may_call_it(platform: MakePlatform) -> None:
    """Default deny: the stack is refused with all such functions named together, and nothing was begun."""
    one = platform(annotations={"permission": {"tasks-get": "", "hitl-decide": ""}})
    change(one, "dispatch", annotations={"kind": "event"})
    command = [*one.command(), "--stack", str(one.stack)]
    said = subprocess.run(command, cwd=ROOT, env=one.variables(), capture_output=True, text=True, timeout=60)
    assert said.returncode == 65
    for name in ("tasks-get", "hitl-decide", "dispatch"):
        assert f"functions.{name}.annotations.permission" in said.stderr
    assert "tasks-list" not in said.stderr
    assert "Traceback" not in said.stderr
    assert one.processes() == []


def test_the_model_s_key_and_the_password_are_in_the_environment_of_no_process_but_the_host(
    platform: MakePlatform,
) -> None:
    """Neither the zygote, nor the cache, nor a function can be asked for them through /proc; the roles get the key
    later (`test_model.py` sees it arrive)."""
    one = platform(OPENAI_API_KEY=KEY, BIZOSAAS_MODEL_BASE_URL="http://127.0.0.1:9/v1").start()
    one.get("/tasks")
    assert one.process is not None
    others = [process for process in one.processes() if process.pid != one.process.pid]
    assert len(others) >= 3
    assert [process for process in others if {KEY, PASSWORD} & set(process.environ().values())] == []
    assert KEY in Path(f"/proc/{one.process.pid}/environ").read_text()
