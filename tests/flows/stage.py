"""A stage for bad days: real engines and a platform of its own, on which one flow of tasks comes after the other.

Every flow is counted from the stores with all that came before it. After one that was not exact the next has a new
stage.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types

from scripts.trial.complaints import complaints
from scripts.trial.count import count
from scripts.trial.engines import Engines
from scripts.trial.load import Load
from scripts.trial.platform import ROOT, Platform
from scripts.trial.reckoning import Promised, Reckoning
from scripts.trial.samples import Kind
from scripts.trial.waiting import wait_for
from tests.flows.stacks import light_stack

TASKS = 500
#: Of every kind, but mostly orders that are done soon, and few tickets, for most of those wait for a human. No payments
#: for orders that nobody has placed: they die by design, some minutes later.
MIX: Mapping[Kind, int] = {"order": 20, "unpaid": 50, "ticket": 10, "event": 20}
#: How long a machine that does much else may take for what takes a second otherwise.
PATIENCE = 500.0


class Stage:
    """Engines, some behind proxies, and the platform on them with bridges of its own. Opened by `with`."""

    def __init__(self, names: tuple[str, ...] = ("postgres", "rabbitmq", "kafka"), bridges: int = 2) -> None:
        """RabbitMQ and Kafka are reached through proxies."""
        self._names = names
        self._bridges = bridges
        self._ending = ExitStack()
        self._promised = Promised(whole=True)
        self._flows = 0
        self.sound = True

    def __enter__(self) -> Stage:
        with ExitStack() as ending:
            folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="stage-", dir="/tmp")))
            folder.chmod(0o755)  # the engines' users look for their own folders inside
            behind = {"rabbitmq", "kafka"} & set(self._names)
            self.engines = ending.enter_context(Engines(folder / "engines", self._names, behind))
            self.stack = light_stack(folder)
            self.platform = Platform(folder / "home", self.stack, **self.engines.environment())
            self.platform.log = self.log = folder / "log.txt"
            ending.callback(self.platform.close)
            self.start()
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def start(self) -> None:
        """Start the platform (again)."""
        self.platform.start("--bridges", str(self._bridges))

    def stop(self) -> None:
        """End the platform in order; the engines stay."""
        assert self.platform.process is not None
        self.platform.process.send_signal(signal.SIGINT)
        self.platform.process.wait(PATIENCE)
        self.platform.stop()

    @contextmanager
    def flow(self, tasks: int = TASKS, rate: float = 500.0) -> Iterator[Load]:
        """A load of so many tasks, in which the caller does harm and makes it good; then all must be accepted, and
        everything there once, and nothing in the log that a person would have to look into."""
        self.sound = False
        self._flows += 1
        load = Load(self.platform.port, seed=self._flows, rate=rate, most=tasks, mix=MIX).start()
        try:
            yield load
            assert load.wait(PATIENCE), f"{load.submitted} of {tasks} were accepted: {load.answers}"
        finally:
            self._add(load.finish(0.0))
        assert not load.refused, load.refused[:3]
        assert load.submitted == tasks
        found = self.counted()
        assert found.exact, (found.faults[:5], found.under_way)
        assert found.dead == 0, found.reasons
        self.check_log()
        self.sound = True

    def _add(self, promised: Promised) -> None:
        before = self._promised
        self._promised = Promised(
            [*before.tasks, *promised.tasks],
            [*before.events, *promised.events],
            {**before.decisions, **promised.decisions},
            before.whole and promised.whole,
        )

    def counted(self) -> Reckoning:
        """The reckoning of all flows so far."""
        return count(self.platform.variables(), self._promised, PATIENCE)

    def told(self, since: int = 0) -> list[str]:
        """What the platform's log says from its line number `since` on, but for facts."""
        return [str(line.get("text", "")) for line in self.platform.lines[since:] if "fact" not in line]

    def check_log(self) -> None:
        """Nothing that it wrote is an error or the trace of one, nor holds a password."""
        text = self.log.read_text()
        found = complaints(text.splitlines())
        assert not found, found[:5]
        assert not [name for name in self._names if self.engines.find(name).password in text]

    def says(self, *words: str, since: int = 0) -> bool:
        """Whether one of these lines has all of the words."""
        return any(all(word in text for word in words) for text in self.told(since))

    def bridges(self) -> list[psutil.Process]:
        """The processes of the bridges now."""
        return [one for one in self.platform.processes() if "host.bridging" in _command(one)]

    @contextmanager
    def further_bridge(self) -> Iterator[subprocess.Popen[str]]:
        """One more bridge beside the platform's own, as a person starts it by hand; ended in order."""
        gateway = f"http://127.0.0.1:{self.platform.port}"
        command = [sys.executable, "-m", "host.bridging", "--stack", str(self.stack), "--gateway", gateway]
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.platform.variables(), stdout=said, stderr=subprocess.STDOUT, text=True
            )
            try:
                yield process
            finally:
                process.terminate()
                code = process.wait(PATIENCE)
            said.seek(0)
            words = said.read()
        assert code == 0, words
        assert "Traceback" not in words, words


class Stages:
    """Gives a stage; a new one after a flow that was not sound."""

    def __init__(self, make: Callable[[], Stage] = Stage) -> None:
        self._make = make
        self._stage: Stage | None = None

    def take(self) -> Stage:
        """The one that stands."""
        if self._stage is not None and not self._stage.sound:
            self.close()
        if self._stage is None:
            self._stage = self._make().__enter__()
        return self._stage

    def close(self) -> None:
        """End it."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.__exit__()


def reached(load: Load, number: int) -> None:
    """Wait until so many are accepted, or all."""
    wait_for(lambda: load.submitted >= min(number, TASKS), f"{number} tasks to be accepted", PATIENCE)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []
