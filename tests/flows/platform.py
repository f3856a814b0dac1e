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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil  # type: ignore[import-untyped]  # it has no types

from events.topology import QUEUES, TOPOLOGY
from shared.bus import open_bus
from shared.bus.port import Bus

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
ADMIN = "admin@demo.example"
WAIT_SECONDS = 40.0
#: Who reads facts from the bus, and must have read all of them before anything is counted.
GROUPS = ("audit-record", "tasks-react", "agent-hitl-coordinator")
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


def at_once(times: int, do: Callable[[int], T]) -> list[T]:
    """Do something so many times at the same moment, each with its number; the results in order."""
    start = threading.Barrier(times)

    def one(number: int) -> T:
        start.wait()
        return do(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


class Platform:
    """One platform in one home. `lines` are its JSON log lines since it was started last."""

    def __init__(self, home: Path, stack: Path | None = None, **environment: str) -> None:
        """`stack` is what it runs instead of the repository's `stack.yml`."""
        self.home = home
        self.stack = stack
        self.port = free_port()
        self.environment = environment
        self.lines: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._tokens: dict[str, str] = {}
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=40, limits=httpx.Limits(max_connections=64)
        )

    # --- life

    def start(self) -> Platform:
        """Start and wait until it answers."""
        self.lines, self.errors = [], []
        self.process = subprocess.Popen(
            [*self.command(), "--json-logs", *(["--stack", str(self.stack)] if self.stack else [])],
            cwd=ROOT,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers += [
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers[-2:]:
            reader.start()
        wait_for(lambda: self.has_line("ready") or self._died(), "the platform to be ready")
        return self

    def command(self, verb: str = "up") -> list[str]:
        """The command line of a verb of `scripts/` for this platform."""
        return [sys.executable, "-m", f"scripts.{verb}", "--home", str(self.home), "--port", str(self.port)]

    def variables(self) -> dict[str, str]:
        """The environment of its processes; `FLOW` is read by nobody and marks them all."""
        own = {"BIZOSAAS_DEMO_PASSWORD": PASSWORD, "FLOW": str(self.home), **self.environment}
        return _clean_environment() | own

    def _read(self, stream: Any) -> None:
        lines = self.lines
        with stream:
            for line in stream:
                if line.endswith("\n"):  # else it was killed in the middle of a line
                    lines.append(json.loads(line))

    def _read_errors(self, stream: Any) -> None:
        errors = self.errors
        with stream:
            for line in stream:
                errors.append(line)

    def _died(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the platform ended with {self.process.returncode}: {''.join(self.errors)[-3000:]}")
        return False

    def has_line(self, event: str, **fields: Any) -> dict[str, Any] | None:
        """The newest log line of an event with these fields."""
        wanted = {"event": event, **fields}.items()
        return next((line for line in reversed(list(self.lines)) if wanted <= line.items()), None)

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it in order (or by another signal) and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(WAIT_SECONDS)
        self.client.close()
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=40, limits=httpx.Limits(max_connections=64)
        )
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
        wait_for(lambda: not self.processes(), "its processes to be gone")
        for reader in self._readers:
            reader.join()

    # --- speaking

    def token(self, user: str = ADMIN) -> str:
        """An access token of a user."""
        if user not in self._tokens:
            answer = self.client.post("/auth/login", json={"email": user, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def call(self, method: str, path: str, user: str | None = ADMIN, **more: Any) -> httpx.Response:
        """One request as a user; None is nobody."""
        headers = dict(more.pop("headers", {}))
        if user is not None:
            headers["authorization"] = f"Bearer {self.token(user)}"
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, user: str = ADMIN) -> Any:
        """The JSON of a GET that works."""
        answer = self.call("GET", path, user)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def submit(self, task_type: str, data: dict[str, Any], user: str = ADMIN, **more: Any) -> Any:
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

    def execute(self, database: str, statement: str, *values: Any) -> None:
        """Change a database past the platform, which does not run meanwhile: a clock that nobody can move is moved."""
        assert self.process is not None
        assert self.process.poll() is not None
        connection = sqlite3.connect(self.home / f"{database}.db", timeout=10)
        try:
            with connection:
                connection.execute(statement, values)
        finally:
            connection.close()

    @contextmanager
    def bus(self) -> Iterator[Bus]:
        """Its bus, as one more process has it."""
        bus = open_bus(f"sqlite:///{self.home / 'bus.db'}", TOPOLOGY)
        try:
            yield bus
        finally:
            bus.close()

    @contextmanager
    def locked(self, database: str) -> Iterator[None]:
        """Hold a database's write lock: who wants to write waits."""
        connection = sqlite3.connect(self.home / f"{database}.db", timeout=10, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()

    def processes(self) -> list[psutil.Process]:
        """Every process of this platform, whoever its parent is."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("FLOW") == str(self.home) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def pid_of(self, function: str) -> int:
        """The process of a function that is awake now, 0 when it sleeps."""
        line = self.has_line("woke", function=function)
        return line["pid"] if line and psutil.pid_exists(line["pid"]) else 0

    def quiet(self) -> None:
        """Wait until nothing is on its way: no work, no fact that a function has yet to read, nothing unsent."""

        def still() -> bool:
            unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
            if any(self.rows(name, unsent)[0][0] for name in ("orchestration", "identity", "audit")):
                return False
            with self.bus() as bus:
                depths = [bus.depth(queue) for queue in QUEUES]
                lags = [lag for group in GROUPS for lag in bus.lag(group).values()]
            return not any(lags) and all(one.ready + one.leased + one.delayed == 0 for one in depths)

        wait_for(still, "everything to be done", 90)


def _clean_environment() -> dict[str, str]:
    """This process's environment without what would change the platform's ways."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BIZOSAAS_", "OPENAI_")) and name != "FUNCTION"
    } | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
