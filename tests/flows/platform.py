"""The whole platform as its users run it: `scripts/up` in a process of its own, spoken to over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
WAIT_SECONDS = 40.0
T = TypeVar("T")


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ask: Callable[[], T], what: str, seconds: float = WAIT_SECONDS) -> T:
    """Ask until the answer is true; fails saying what was awaited and what was seen last."""
    until = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds:.0f} s for {what}; saw {answer!r}")
        time.sleep(0.02)  # a poll between two looks at a condition


class Platform:
    """One platform in one home. `lines` are its JSON log lines."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.environment = environment
        self.lines: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._tokens: dict[str, str] = {}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    # --- life

    def start(self) -> Platform:
        """Start and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scripts.up", "--json-logs", "--home", str(self.home), "--port", str(self.port)],
            cwd=ROOT,
            env={**_clean_environment(), "BIZOSAAS_DEMO_PASSWORD": PASSWORD, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines.clear()
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True).start()
        wait_for(lambda: self.has_line("ready") or self._died(), "the platform to be ready")
        return self

    def _read(self, stream: Any) -> None:
        for line in stream:
            self.lines.append(json.loads(line))

    def _read_errors(self, stream: Any) -> None:
        for line in stream:
            self.errors.append(line)

    def _died(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the platform ended with {self.process.returncode}: {''.join(self.errors)[-3000:]}")
        return False

    def has_line(self, event: str) -> dict[str, Any] | None:
        """The first log line of an event."""
        return next((line for line in list(self.lines) if line.get("event") == event), None)

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it in order (or by another signal) and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(WAIT_SECONDS)
        self.client.close()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        return code

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)

    def close(self) -> None:
        """End it however it is."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.client.close()

    # --- speaking

    def token(self, user: str = "admin@demo.example") -> str:
        """An access token of a user."""
        if user not in self._tokens:
            answer = self.client.post("/auth/login", json={"email": user, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def call(self, method: str, path: str, user: str | None = "admin@demo.example", **more: Any) -> httpx.Response:
        """One request as a user; None is nobody."""
        headers = dict(more.pop("headers", {}))
        if user is not None:
            headers["authorization"] = f"Bearer {self.token(user)}"
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, user: str = "admin@demo.example") -> Any:
        """The JSON of a GET that works."""
        answer = self.call("GET", path, user)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def submit(self, task_type: str, data: dict[str, Any], user: str = "admin@demo.example", **more: Any) -> Any:
        """Submit a task that is accepted."""
        answer = self.call("POST", "/tasks", user, json={"type": task_type, "data": data}, **more)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def task(self, task_id: str, *statuses: str) -> Any:
        """A task, when it has one of the statuses."""

        def ask() -> Any:
            task = self.get(f"/tasks/{task_id}")
            return task if not statuses or task["status"] in statuses else None

        return wait_for(ask, f"the task {task_id} to be {' or '.join(statuses)}")

    def request_of(self, task_id: str) -> Any:
        """The request that waits for a human about a task."""

        def ask() -> Any:
            items = self.get("/hitl/pending?limit=200")["items"]
            return next((item for item in items if item["task_id"] == task_id), None)

        return wait_for(ask, f"a request about {task_id}")

    # --- looking from outside

    def rows(self, database: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a database holds, read past the platform."""
        connection = sqlite3.connect(f"file:{self.home / database}.db?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def quiet(self) -> None:
        """Wait until nothing is on its way: no work, no fact that a function has yet to read, nothing unsent."""

        def still() -> bool:
            unsent = [self.rows(name, "SELECT count(*) FROM outbox WHERE sent_at IS NULL")[0][0] for name in
                      ("orchestration", "identity", "audit")]  # fmt: skip
            from events.topology import QUEUES, TOPOLOGY
            from shared.bus import open_bus

            bus = open_bus(f"sqlite:///{self.home / 'bus.db'}", TOPOLOGY)
            try:
                depths = [bus.depth(queue) for queue in QUEUES]
                lags = [lag for group in GROUPS for lag in bus.lag(group).values()]
            finally:
                bus.close()
            return not any(unsent) and not any(lags) and all(d.ready + d.leased + d.delayed == 0 for d in depths)

        wait_for(still, "everything to be done", 90)


GROUPS = ("audit-record", "tasks-react", "agent-hitl-coordinator")


def _clean_environment() -> dict[str, str]:
    """This process's environment without what would change the platform's ways."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BIZOSAAS_", "OPENAI_")) and name != "FUNCTION"
    } | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
