"""A function's own server: says when it accepts, finishes what it has, and ends with its signal or its lifeline."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVE = """
import socket
import sys
from shared.runtime.entry import run

listener, lifeline = (int(text) for text in sys.argv[1:])
run("identity-jwks", socket.socket(fileno=listener), lambda: print("ready", flush=True), lifeline)
print("drained", flush=True)
"""
REQUEST = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\n\r\n"


class Served:
    """One function in a process of its own, behind a socket that the test bound."""

    def __init__(self, home: Path) -> None:
        self.path = str(home / "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen()
        self.leash, theirs = socket.socketpair()
        with listener, theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(listener.fileno()), str(theirs.fileno())],
                pass_fds=[listener.fileno(), theirs.fileno()],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(self.path)
        return connection

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.leash.close()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    one = Served(home)
    yield one
    one.close()


def _answer(connection: socket.socket) -> http.client.HTTPResponse:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer


def test_it_answers_and_keeps_the_connection(served: Served) -> None:
    with served.connect() as connection:
        for _ in range(2):
            connection.sendall(REQUEST)
            assert _answer(connection).status == 200


@pytest.mark.parametrize("how", ["signal", "lifeline"])
def test_it_drains_and_ends(served: Served, how: str) -> None:
    """A kept connection without a request is closed; the process ends by itself with status 0."""
    with served.connect() as connection:
        connection.sendall(REQUEST)
        assert _answer(connection).status == 200
        if how == "signal":
            served.process.send_signal(signal.SIGTERM)
        else:
            served.leash.close()
        assert connection.recv(1) == b""
    assert served.line() == "drained"
    assert served.process.wait(10) == 0


def test_a_path_that_is_not_the_functions_is_a_problem_in_our_words(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /other HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = _answer(connection)
    assert (answer.status, answer.getheader("content-type")) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("variables", "status", "says"),
    [
        ({}, 2, "FUNCTION names the function to serve; it is not set"),
        ({"FUNCTION": "hitl-decid"}, 66, "no function is named 'hitl-decid'; did you mean hitl-decide"),
        ({"FUNCTION": "hitl-decide", "PORT": "http"}, 2, "--port: invalid int value: 'http'"),
        (
            {"FUNCTION": "hitl-decide", "PORT": "0", "BIZOSAAS_BODY_LIMIT": "much"},
            65,
            "BIZOSAAS_BODY_LIMIT: must be a whole number above 0, not 'much'",
        ),
    ],
)
def test_what_cannot_be_served_is_said_in_words(variables: dict[str, str], status: int, says: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "shared.runtime.entry"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == status
    assert says in said.stderr
    assert "Traceback" not in said.stderr
