"""A first call: to a sleeping function through the host's port, against a fresh process started for it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.benchmarks import machine
from scripts.benchmarks.measure import Bench, Figure, Skipped
from scripts.benchmarks.platform import ROOT, Platform, environment, platform
from scripts.benchmarks.waiting import first_answer, free_port
from scripts.benchmarks.work import role_work, service_headers

ROLE = "agent-payment-validator"
LIGHT = "import shared.runtime.entry as entry; entry.main()"
WITH_CREWAI = "import shared.agents.preloaded, shared.runtime.entry as entry; entry.main()"
MODEL = {"BIZOSAAS_MODEL": "bench", "OPENAI_API_KEY": "none"}


@dataclass(frozen=True)
class Subject:
    """One function, how it is called, and the fresh process that serves it alone."""

    name: str
    function: str
    path: str
    fresh: str
    body: Callable[[], bytes | None]
    headers: Callable[[], dict[str, str]]
    good: int
    alone: str = ""  # the path at the fresh process

    @property
    def method(self) -> str:
        return "POST" if self.good == 204 else "GET"


@dataclass(frozen=True)
class Sample:
    """Milliseconds from the request (or the start of the process) to the answer, and of the process's CPU."""

    wall: float
    cpu: float


def run(bench: Bench) -> Iterator[Figure]:
    """A function that reads a database, and a CrewAI role by its playbook and with a (local, instant) model."""
    with platform(bench.folder / "light", "1s") as ours:
        token = ours.sign_in()
        headers = {"authorization": f"Bearer {token}"}
        subject = Subject(
            "first call, light function", "hitl-pending", "/hitl/pending", LIGHT, lambda: None, lambda: headers, 200
        )
        yield from _compare(bench, ours, subject, "python -m shared.runtime.entry", "", {})


def run_role(bench: Bench) -> Iterator[Figure]:
    """The same for a CrewAI role, first by its playbook, then with a local model server that answers at once."""
    from importlib.util import find_spec

    if find_spec("crewai") is None:
        raise Skipped("CrewAI is not installed (scripts/lock all)")
    from tests.fakes.model_server import ModelServer, obedient

    goal = "at least 100 times, aim 500"
    against = "fresh process that imports CrewAI"
    with platform(bench.folder / "playbook", "1s", agents=True) as ours:
        subject = _role("first call, CrewAI role by its playbook", ours)
        yield from _compare(bench, ours, subject, against, goal, {})
    with ModelServer(otherwise=obedient) as model:
        variables = MODEL | {"BIZOSAAS_MODEL_BASE_URL": model.base_url}
        with platform(bench.folder / "model", "1s", agents=True, **variables) as ours:
            subject = _role("first call, CrewAI role with a model", ours)
            yield from _compare(replace(bench, rounds=max(3, bench.rounds // 2)), ours, subject, against, "", variables)


def _role(name: str, ours: Platform) -> Subject:
    return Subject(
        name,
        ROLE,
        f"/function/{ROLE}",
        WITH_CREWAI,
        lambda: role_work(ours.home),
        lambda: service_headers(ours.home),
        204,
        "/",
    )


def _compare(
    bench: Bench, ours: Platform, subject: Subject, against: str, goal: str, variables: dict[str, str]
) -> Iterator[Figure]:
    _fresh(ours.home, subject, variables)  # fills the caches of compiled modules and of the disk
    _sleeping(ours, subject)
    here: list[Sample] = []
    there: list[Sample] = []
    for number in range(bench.rounds):
        bench.say(f"{subject.name}: round {number + 1} of {bench.rounds}")
        for _ in range(3):
            here.append(_sleeping(ours, subject))
        there.append(_fresh(ours.home, subject, variables))
    wall = Figure(
        subject.name,
        "ms",
        "less",
        tuple(sample.wall for sample in here),
        tuple(sample.wall for sample in there),
        against,
        goal,
        how="ours: request to answer through the host's port, the function asleep; baseline: start to first answer",
    )
    yield replace(wall, reached=(wall.ratio or 0) >= 100) if goal else wall
    yield Figure(
        f"{subject.name}: its process's CPU",
        "ms",
        "less",
        tuple(sample.cpu for sample in here),
        tuple(sample.cpu for sample in there),
        against,
        how="CPU of the function's process up to its first answer, its time as a spare included; not the zygote's",
    )


def _sleeping(ours: Platform, subject: Subject) -> Sample:
    """Wake it through the host's port."""
    ours.until_asleep()
    body, headers = subject.body(), subject.headers()
    began = time.perf_counter()
    status, answer = ours.call(subject.method, subject.path, body, **headers)
    wall = time.perf_counter() - began
    name = subject.function[:15]
    cpu = sum(machine.cpu_seconds(pid) for pid, found in ours.functions().items() if found == name)
    _check(subject, status, answer)
    return Sample(wall * 1000, cpu * 1000)


def _fresh(home: Path, subject: Subject, variables: dict[str, str]) -> Sample:
    """Start a process for it alone."""
    port = free_port()
    body, headers = subject.body(), subject.headers()
    more = {"FUNCTION": subject.function, "CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", subject.fresh, "--port", str(port)],
        cwd=ROOT,
        env=environment(home, **more, **variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        status = first_answer(port, subject.method, subject.alone or subject.path, body, **headers)
        wall = time.perf_counter() - began
        cpu = machine.cpu_seconds(process.pid)
    finally:
        process.terminate()
        process.wait()
    _check(subject, status, b"")
    return Sample(wall * 1000, cpu * 1000)


def _check(subject: Subject, status: int, answer: bytes) -> None:
    if status != subject.good:
        raise RuntimeError(f"{subject.function} answered {status}: {answer[:300]!r}; nothing was measured")
