"""A whole platform for a benchmark: `scripts/up` in a home of its own, on a port of the loopback interface."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.benchmarks import machine
from scripts.benchmarks.waiting import Caller, free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password for the bench"
#: Not functions: what a sleeping platform consists of.
RESIDENT = ("python", "valkey-server", "spare", "rehearsal")


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's variables without those that change the platform's ways; compiled modules are kept in the home,
    so that a fresh process loads them as an installed one does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BIZOSAAS_", "OPENAI_", "PYTHONDONTWRITE")) and name != "FUNCTION"
    }
    ours = {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))),
        "PYTHONPYCACHEPREFIX": str(home.parent / "pycache"),
        "BIZOSAAS_HOME": str(home),
        "BIZOSAAS_DEMO_PASSWORD": PASSWORD,
    }
    return kept | ours | more


class Platform:
    """A running platform. `events` are the kinds that its log has told, with their fields."""

    def __init__(self, folder: Path, idle: str, **more: str) -> None:
        """`idle` is how long a function without work stays awake, as stack.yml writes it ("1s")."""
        self.home = folder / "home"
        self.port = free_port()
        self.events: list[dict[str, Any]] = []
        stack = folder / "stack.yml"
        stack.write_text(re.sub(r"(zero-duration: )\S+", rf"\g<1>{idle}", (ROOT / "stack.yml").read_text()))
        command = ["-m", "scripts.up", "--json-logs", "--home", str(self.home), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, *command, "--stack", str(stack)],
            cwd=ROOT,
            env=environment(self.home, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.call = Caller(self.port)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            if "event" in told:
                self.events.append(told)

    def told(self, event: str, **fields: Any) -> bool:
        """Whether the log has told of such an event; raises `RuntimeError` when the platform has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the platform ended with {self.process.returncode}")
        return any(one["event"] == event and fields.items() <= one.items() for one in list(self.events))

    def sign_in(self) -> str:
        """An access token of the demo tenant's administrator."""
        body = json.dumps({"email": "admin@demo.example", "password": PASSWORD}).encode()
        _, answer = self.call("POST", "/auth/login", body, content_type="application/json")
        return str(json.loads(answer)["access_token"])

    def processes(self) -> dict[int, str]:
        """The host and everything below it."""
        return machine.descendants(self.process.pid)

    def functions(self) -> dict[int, str]:
        """The function processes that live now."""
        return {pid: name for pid, name in self.processes().items() if name not in RESIDENT}

    def until_asleep(self) -> None:
        """Wait until no function process lives."""
        wait_for(lambda: not self.functions(), "all functions to sleep", pause=0.05)

    def cpu(self) -> float:
        """CPU seconds of all its processes, with those that have ended."""
        return machine.tree_cpu_seconds(self.process.pid)

    def close(self) -> None:
        """End it in order, or by force when it does not."""
        self.call.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def platform(folder: Path, idle: str, *, agents: bool = False, **more: str) -> Iterator[Platform]:
    """A platform that is ready; with `agents` its zygote with CrewAI is ready too."""
    folder.mkdir(parents=True)
    one = Platform(folder, idle, **more)
    try:
        wait_for(lambda: one.told("ready"), "the platform to be ready", pause=0.05)
        if agents:
            wait_for(lambda: one.told("zygote_ready", image="agent"), "the zygote with CrewAI", 120, pause=0.05)
        yield one
    finally:
        one.close()
