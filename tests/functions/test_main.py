"""One function served alone: by our runtime, and by the stock functions-framework command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from events.envelope import STRUCTURED, Envelope
from events.orchestration import AuditNoted
from shared.auth.tokens import issue_access, service_token
from tests.flows.platform import ROOT, free_port, wait_for

NOTE = Envelope("e-1", "/test", AuditNoted(actor="ada", action="tested", target="x"), extensions={"tenantid": "demo"})


def ours(function: str, port: int) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "shared.runtime.entry", "--port", str(port)], {"FUNCTION": function}


def stock(function: str, port: int) -> tuple[list[str], dict[str, str]]:
    command = Path(sys.executable).with_name("functions-framework")
    arguments = ["--asgi", "--source", "functions/main.py", "--target", function]
    return [str(command), *arguments, "--host", "127.0.0.1", "--port", str(port)], {}


@pytest.fixture(params=[ours, stock], ids=["our runtime", "functions-framework"])
def serve(request: pytest.FixtureRequest, home: Path) -> Iterator[Callable[[str], httpx.Client]]:
    processes: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def start(function: str) -> httpx.Client:
        port = free_port()
        command, environment = request.param(function, port)
        base = {"BIZOSAAS_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        base |= {name: value for name, value in os.environ.items() if name.endswith("_DATABASE_URL")}
        processes.append(subprocess.Popen(command, cwd=ROOT, env=base | environment, stderr=subprocess.DEVNULL))
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)
        clients.append(client)
        wait_for(lambda: _answers(client), f"{function} to answer")
        return client

    yield start
    for client in clients:
        client.close()
    for process in processes:
        process.terminate()
        assert process.wait(20) is not None


def _answers(client: httpx.Client) -> bool:
    try:
        client.get("/")
    except httpx.TransportError:
        return False
    return True


def test_an_http_function_answers_alone(serve: Callable[[str], httpx.Client]) -> None:
    client = serve("tasks-list")
    assert client.get("/tasks").status_code == 401
    token = issue_access(user_id="u", tenant="demo", role="USER", session_id="s")
    answer = client.get("/tasks", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})
    wrong = client.get("/tasks?limit=0", headers={"authorization": f"Bearer {token}"})
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == "application/problem+json"
    assert wrong.json()["problems"][0]["field"] == "query.limit"


def test_an_event_function_answers_alone_204_once_and_again(serve: Callable[[str], httpx.Client]) -> None:
    client = serve("audit-record")
    headers = {"content-type": STRUCTURED, "authorization": f"Bearer {service_token()}"}
    for _ in range(2):
        answer = client.post("/", content=NOTE.encode(), headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
    assert client.post("/", content=b"{}", headers=headers).status_code == 400
    user = issue_access(user_id="u", tenant="demo", role="SUPER_ADMIN", session_id="s")
    refused = client.post("/", content=NOTE.encode(), headers=headers | {"authorization": f"Bearer {user}"})
    assert refused.status_code == 403


def test_a_name_of_no_function_is_said_with_the_nearest_ones() -> None:
    command, environment = ours("tasks-lits", free_port())
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "did you mean tasks-list" in done.stderr
