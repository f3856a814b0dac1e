"""The whole platform as its users run it: `scripts/up` in a process of its own, spoken to over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # it has no types

from events.topology import TOPOLOGY
from scripts.trial.stores import Stores
from scripts.trial.waiting import WAIT_SECONDS, NotInTime, free_port, wait_for
from shared.bus import open_bus
from shared.bus.port import Bus
from shared.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
ADMIN = "admin@demo.example"
#: Access tokens are good for fifteen minutes.
TOKEN_SECONDS = 300.0
#: Read by nobody: it marks all processes of one platform, whoever started them.
MARK = "TRIAL_HOME"


class Platform:
    """One platform in one home. `lines` are its JSON log lines since it was started last, `errors` what it wrote to
    standard error meanwhile; both of all its lives are added to the file `log` where that is set."""

    def __init__(self, home: Path, stack: Path | None = None, **environment: str) -> None:
        """`stack` is what it runs instead of the repository's `stack.yml`; `environment` its settings, those of
        `Engines.environment()` for real engines: without any it brings its own."""
        self.home = home
        self.stack = stack
        self.port = free_port()
        self.environment = environment
        self.lines: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.log: Path | None = None
        self.process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._tokens: dict[str, tuple[str, float]] = {}
        self.stores = Stores(self.variables())
        self.client = self._new_client()

    def _new_client(self) -> httpx.Client:
        limits = httpx.Limits(max_connections=64)
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=40, limits=limits)

    # --- life

    def start(self, *arguments: str, seconds: float = WAIT_SECONDS) -> Platform:
        """Start, with these further arguments, and wait until it answers. Raises `RuntimeError` when it ends,
        `NotInTime` when it is not ready after so many seconds."""
        self.lines, self.errors = [], []
        stack = ["--stack", str(self.stack)] if self.stack else []
        self.process = subprocess.Popen(
            [*self.command(), "--json-logs", *stack, *arguments],
            cwd=ROOT,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is ours: what it means for the platform we say
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        try:
            wait_for(lambda: self.has_line("ready") or self._died(), "the platform to be ready", seconds)
        except NotInTime:
            self.kill()
            raise
        return self

    def command(self, verb: str = "up") -> list[str]:
        """The command line of a verb of `scripts/` for this platform."""
        return [sys.executable, "-m", f"scripts.{verb}", "--home", str(self.home), "--port", str(self.port)]

    def variables(self) -> dict[str, str]:
        """The environment of its processes."""
        own = {"BIZOSAAS_DEMO_PASSWORD": PASSWORD, "BIZOSAAS_HOME": str(self.home), MARK: str(self.home)}
        return _clean_environment() | own | self.environment

    def _read(self, stream: Any) -> None:
        lines = self.lines
        for line in self._kept(stream):
            if line.endswith("\n"):  # else it was killed in the middle of a line
                lines.append(json.loads(line))

    def _read_errors(self, stream: Any) -> None:
        errors = self.errors
        for line in self._kept(stream):
            errors.append(line)

    def _kept(self, stream: Any) -> Iterator[str]:
        with stream, self.log.open("a") if self.log else contextlib.nullcontext() as log:
            for line in stream:
                if log is not None:
                    log.write(line if line.endswith("\n") else line + "\n")
                yield line

    def _died(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the platform ended with {self.process.returncode}: {''.join(self.errors)[-3000:]}")
        return False

    @property
    def running(self) -> bool:
        """Whether its host runs."""
        return self.process is not None and self.process.poll() is None

    def has_line(self, event: str, **fields: Any) -> dict[str, Any] | None:
        """The newest log line of an event with these fields."""
        wanted = {"event": event, **fields}.items()
        return next((line for line in reversed(list(self.lines)) if wanted <= line.items()), None)

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it in order (or by another signal) and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(WAIT_SECONDS)
        for reader in self._readers:
            reader.join(WAIT_SECONDS)
        self.client.close()
        self.client = self._new_client()
        return code

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)

    def close(self) -> None:
        """End it however it is, with all that is its own."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.client.close()
        self.stores.close()
        for process in self.processes():  # one that a test has suspended ends now
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
        try:
            wait_for(lambda: not self.processes(), "its processes to be gone")
        finally:
            for process in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        for reader in self._readers:
            reader.join()

    # --- speaking

    def token(self, user: str = ADMIN) -> str:
        """An access token of a user, kept for as long as it surely is valid."""
        kept, until = self._tokens.get(user, ("", 0.0))
        if time.monotonic() < until:
            return kept
        answer = self.client.post("/auth/login", json={"email": user, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        token = str(answer.json()["access_token"])
        self._tokens[user] = token, time.monotonic() + TOKEN_SECONDS
        return token

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

    # --- looking from outside

    def rows(self, database: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a database holds, read past the platform; `values` in its driver's own style."""
        return self.stores.rows(database, query, *values)

    @contextmanager
    def bus(self) -> Iterator[Bus]:
        """Its bus, as one more process has it."""
        bus = open_bus(read_settings(self.variables()).bus_url, TOPOLOGY)
        try:
            yield bus
        finally:
            bus.close()

    def processes(self) -> list[psutil.Process]:
        """Every process of this platform, whoever its parent is."""
        return marked(str(self.home))


def marked(home: str) -> list[psutil.Process]:
    """The processes of the platform in this home."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get(MARK) == home and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _clean_environment() -> dict[str, str]:
    """This process's environment without what would change the platform's ways."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BIZOSAAS_", "OPENAI_")) and name != "FUNCTION"
    } | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
