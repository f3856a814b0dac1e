"""Dispatch waits for a role, and keeps nothing meanwhile that others need."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from events.envelope import Envelope
from events.work import RoleWork
from functions.catalogue import by_name
from shared.errors import Failed, TryAgain
from shared.problems import to_problem
from shared.runtime.guard import ANYONE
from shared.runtime.process import process
from shared.settings import settings
from shared.store.database import engine

WORK = RoleWork(task_id="t-1", task_type="order", role="payment_validator", queue="auto_orders", step=0)
SENT = Envelope("e-1", "/bizosaas/tasks-create", WORK, extensions={"tenantid": "demo", "correlationid": "story"})


class Role(BaseHTTPRequestHandler):
    """A role that notes how many connections to the database are out while it works, and where it was called."""

    held: list[int]
    paths: list[str]
    status, body = 204, b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.paths.append(self.path)
        self.held.append(engine("orchestration").pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def role(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Role]]:
    Role.held, Role.paths, Role.status, Role.body = [], [], 204, b""
    with HTTPServer(("127.0.0.1", 0), Role) as server:
        monkeypatch.setenv("BIZOSAAS_GATEWAY_URL", f"http://127.0.0.1:{server.server_port}")
        settings.cache_clear()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Role
        server.shutdown()
        thread.join()


def test_no_connection_is_held_while_a_role_works(role: type[Role]) -> None:
    """More work waits for roles than a process has connections; it must not wait for those."""
    (outcome,) = process(by_name()["dispatch"], [SENT], ANYONE, 1)
    assert (outcome.status, role.held) == (204, [0])


@pytest.mark.parametrize(
    ("status", "body", "patient"),
    [
        (503, to_problem(TryAgain("the database is away"))[2], True),
        (429, b"", True),
        (503, to_problem(Failed("boom"))[2], False),
        (502, b"", False),
    ],
)
def test_a_role_that_fails_on_the_work_is_told_from_one_that_cannot_just_now(
    role: type[Role], status: int, body: bytes, patient: bool
) -> None:
    """The first costs an attempt, for it may be this work that it fails on; the second blames no work."""
    role.status, role.body = status, body
    (outcome,) = process(by_name()["dispatch"], [SENT], ANYONE, 1)
    assert outcome.error is not None
    assert type(outcome.error) is (TryAgain if patient else Failed)


def test_a_gateway_may_be_there_under_a_path_of_its_own(role: type[Role], monkeypatch: pytest.MonkeyPatch) -> None:
    at = settings().gateway_url
    for address, path in ((at, ""), (f"{at}/functions/", "/functions")):
        monkeypatch.setenv("BIZOSAAS_GATEWAY_URL", address)
        settings.cache_clear()
        assert process(by_name()["dispatch"], [SENT], ANYONE, 1)[0].status == 204
        assert role.paths.pop() == f"{path}/function/agent-payment-validator"
