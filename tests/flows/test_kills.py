"""kill -9, wherever it hurts: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.flows.conftest import MakePlatform
from tests.flows.counting import count
from tests.flows.platform import Platform, wait_for
from tests.flows.samples import big_order, order, saleor_body

pytestmark = pytest.mark.flow


def submit_by_key(one: Platform, data: dict[str, Any], key: str) -> httpx.Response:
    return one.call("POST", "/tasks", json={"type": "order", "data": data}, headers={"idempotency-key": key})


def taken(call: Callable[[], httpx.Response], status: int = 202) -> httpx.Response:
    """Call until it is answered well; a function that died may cost a 502 or a 503, nothing else."""

    def ask() -> httpx.Response | None:
        answer = call()
        assert answer.status_code in (status, 502, 503), answer.text
        return answer if answer.status_code == status else None

    answer = wait_for(ask, "the call to be taken")
    assert answer is not None
    return answer


class Caller:
    """A caller as it should be: it sends each of its requests with a key, again and again until it is accepted."""

    def __init__(self, one: Platform, orders: list[dict[str, Any]]) -> None:
        one.token()
        self.one = one
        self.orders = orders
        self.accepted: list[str] = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for data in self.orders:
            key = secrets.token_hex(8)
            self.accepted.append(wait_for(lambda: self._send(data, key), "an order to be accepted", 90))  # noqa: B023  # asked at once

    def _send(self, data: dict[str, Any], key: str) -> str:
        try:
            answer = submit_by_key(self.one, data, key)
        except (httpx.TransportError, RuntimeError):  # nobody is there, or the client was closed with its platform
            return ""
        assert answer.status_code in (202, 502, 503), answer.text
        return str(answer.json()["id"]) if answer.status_code == 202 else ""


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def blocked(one: Platform, function: str) -> int:
    """The process of a function that has work and cannot go on: its call is in flight, and it sleeps in the kernel
    for a lock, in turns."""
    line = f'bizosaas_function_in_flight{{function="{function}"}} 1.0'

    def ask() -> int:
        pid = one.pid_of(function)
        return pid if pid and _naps(pid) and line in one.client.get("/metrics").text else 0

    return wait_for(ask, f"{function} to wait for a lock")


def _naps(pid: int) -> bool:
    """Whether a thread of it is in nanosleep, as SQLite's busy handler is."""
    folder = f"/proc/{pid}/task"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/syscall") as syscall:
                if syscall.read().split()[0] in ("35", "230", "101", "115"):  # nanosleep, clock_nanosleep: x86, ARM
                    return True
    return False


def test_the_host_is_killed_in_the_middle_of_forty_orders(platform: MakePlatform) -> None:
    """Four times, at moments that nobody chose, and started again: every order that a caller was promised, or sent
    until it was promised, is done once, and no customer hears of it twice."""
    one = platform().start()
    chance = random.Random(20261122)
    orders = [order() for _ in range(40)]
    caller = Caller(one, orders)
    caller.thread.start()
    for accepted in (4, 12, 22, 34):
        wait_for(lambda: len(caller.accepted) >= accepted, "orders to be accepted", 90)  # noqa: B023  # asked at once
        time.sleep(chance.random() / 4)  # a random moment is the point: there is no condition to wait for
        one.kill()
        one.start()
    caller.thread.join(90)
    assert len(set(caller.accepted)) == 40
    count(one, caller.accepted)
    tasks = one.rows("orchestration", "SELECT json_extract(data, '$.order_id'), status FROM tasks")
    assert sorted(order_id for order_id, _ in tasks) == sorted(data["order_id"] for data in orders)
    assert {status for _, status in tasks} == {"completed"}
    said = one.rows("orchestration", "SELECT about, kind FROM messages")
    assert sorted(said) == sorted((data["order_id"], "confirmation") for data in orders)


def test_a_function_is_killed_before_its_commit(platform: MakePlatform) -> None:
    """The caller learns that the function ended (502), nothing of the task is there, and sent again it is done."""
    one = platform().start()
    data, key = order(), "before the commit"
    answers: list[httpx.Response] = []
    one.token()
    sender = threading.Thread(target=lambda: answers.append(submit_by_key(one, data, key)))
    with one.locked("orchestration"):
        sender.start()
        kill(blocked(one, "tasks-create"))
        sender.join()
    assert answers[0].status_code == 502
    assert answers[0].headers["content-type"] == "application/problem+json"
    for table in ("tasks", "outbox", "answers", "task_keys"):
        assert one.rows("orchestration", f"SELECT count(*) FROM {table}") == [(0,)]
    again = taken(lambda: submit_by_key(one, data, key))
    assert again.status_code == 202
    assert one.task(again.json()["id"], "completed", "awaiting_approval")["status"] == "completed"
    count(one, [again.json()["id"]])


def test_a_function_is_killed_between_commit_and_publish(platform: MakePlatform) -> None:
    """The task is committed and its events wait in the outbox: the relay sends them, the order is done, and the same
    key gets the answer that was lost."""
    one = platform().start()
    data, key = order(), "after the commit"
    answers: list[httpx.Response] = []
    one.token()
    sender = threading.Thread(target=lambda: answers.append(submit_by_key(one, data, key)))
    with one.locked("bus"):
        sender.start()
        wait_for(lambda: one.rows("orchestration", "SELECT id FROM tasks"), "the commit")
        kill(blocked(one, "tasks-create"))
        sender.join()
        assert one.rows("orchestration", "SELECT count(*) FROM outbox WHERE sent_at IS NULL")[0][0] == 3
    assert answers[0].status_code == 502
    ((task,),) = one.rows("orchestration", "SELECT id FROM tasks")
    again = taken(lambda: submit_by_key(one, data, key))
    assert (again.status_code, again.json()["id"]) == (202, task)
    assert again.headers["idempotency-replayed"] == "true"
    assert one.task(task, "completed", "awaiting_approval")["status"] == "completed"
    count(one, [task])


def test_the_host_is_killed_between_commit_and_publish(platform: MakePlatform) -> None:
    """What the outbox holds at a new start is sent at once."""
    one = platform().start()
    one.token()
    with one.locked("bus"):
        sender = threading.Thread(target=lambda: _ignore(lambda: submit_by_key(one, order(), "host")))
        sender.start()
        wait_for(lambda: one.rows("orchestration", "SELECT id FROM tasks"), "the commit")
        one.kill()
        sender.join()
        wait_for(lambda: not one.processes(), "the functions to end")
    assert one.rows("orchestration", "SELECT count(*) FROM outbox WHERE sent_at IS NULL")[0][0] == 3
    one.start()
    ((task,),) = one.rows("orchestration", "SELECT id FROM tasks")
    assert one.task(task, "completed", "awaiting_approval")["status"] == "completed"
    count(one, [task])


def _ignore(act: Callable[[], Any]) -> None:
    with contextlib.suppress(httpx.TransportError, RuntimeError):
        act()


@pytest.mark.parametrize("role", ["payment-validator", "order-communicator"])
def test_a_role_is_killed_before_its_commit(platform: MakePlatform, role: str) -> None:
    """Its work comes back and is done once; the next role never hears of the first try."""
    one = platform().start()
    steps = {"payment-validator": 0, "order-communicator": 3}
    task = one.submit("order", order())["id"]
    wait_for(lambda: _step(one, task) >= steps[role], f"the turn of {role}")
    with one.locked("orchestration"):
        if _step(one, task) == steps[role]:
            kill(blocked(one, f"agent-{role}"))
    done = one.task(task, "completed", "awaiting_approval")
    assert done["status"] == "completed", done["reasons"]
    count(one, [task])


def _step(one: Platform, task: str) -> int:
    ((step,),) = one.rows("orchestration", "SELECT step FROM tasks WHERE id = ?", task)
    return int(step)


def test_a_role_is_killed_between_commit_and_publish(platform: MakePlatform) -> None:
    """The role's result is there, the hand-over to the next role is not sent: the relay sends it, and the work that
    comes back finds that it was done."""
    one = platform().start()
    one.token()
    role = "agent-payment-validator"
    sender = threading.Thread(target=lambda: submit_by_key(one, order(), "role"))
    with contextlib.ExitStack() as held, contextlib.ExitStack() as bus:
        bus.enter_context(one.locked("bus"))
        sender.start()
        ((task,),) = wait_for(lambda: one.rows("orchestration", "SELECT id FROM tasks"), "the task")
        held.enter_context(one.locked("orchestration"))
        bus.close()  # the work goes out, and the role that gets it cannot commit
        pid = blocked(one, role)
        bus.enter_context(one.locked("bus"))
        held.close()  # it commits, and cannot publish
        wait_for(lambda: _step(one, task) == 1, "the role's commit")
        assert blocked(one, role) == pid
        kill(pid)
    sender.join()
    done = one.task(task, "completed", "awaiting_approval")
    assert done["status"] == "completed", done["reasons"]
    count(one, [task])


def test_the_zygote_is_killed_while_orders_are_done(platform: MakePlatform) -> None:
    """The mother of all functions dies: those that run go on, a new one is there soon, and every order is done."""
    one = platform().start()
    ids = [one.submit("order", order())["id"] for _ in range(5)]
    zygote = one.has_line("zygote_ready")
    assert zygote is not None
    kill(zygote["pid"])
    ids += [one.submit("order", order())["id"] for _ in range(5)]
    assert {one.task(task, "completed", "awaiting_approval")["status"] for task in ids} == {"completed"}
    wait_for(lambda: (one.has_line("zygote_ready") or zygote)["pid"] != zygote["pid"], "a new zygote")
    count(one, ids)


def test_every_function_is_killed_while_orders_are_done(platform: MakePlatform) -> None:
    """Whatever is awake is killed again and again: orders, a webhook and a decision are done once each."""
    one = platform().start()
    caller = Caller(one, [order() for _ in range(12)])
    waits = one.submit("order", big_order())["id"]
    request = one.request_of(waits)
    caller.thread.start()
    body = saleor_body()
    for wave in range(6):
        wait_for(lambda: len(caller.accepted) >= 2 * wave, "orders to be accepted")  # noqa: B023  # asked at once
        for line in [line for line in list(one.lines) if line.get("event") == "woke"]:
            if _is_function(line["pid"], line["function"]):
                kill(line["pid"])
        taken(lambda: one.call("POST", "/events", json=body, headers={"saleor-event": "order_created"}), 202)
        taken(
            lambda: one.call(
                "POST",
                "/hitl/decision",
                json={"request_id": request["id"], "decision": "reject"},
                headers={"idempotency-key": "decision"},
            ),
            200,
        )
    caller.thread.join(90)
    ids = [*caller.accepted, waits]
    count(one, ids)
    assert one.rows("orchestration", "SELECT count(*) FROM tasks") == [(14,)]
    assert {one.get(f"/tasks/{task}")["status"] for task in caller.accepted} == {"completed"}
    assert one.get(f"/tasks/{waits}")["status"] == "rejected"


def _is_function(pid: int, function: str) -> bool:
    """Whether this process still is that function (its number may be another's by now)."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
        return comm.read().strip() == function[:15]
    return False
