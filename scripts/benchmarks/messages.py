"""One message, one small change in PostgreSQL, once, acknowledged after its commit: ours beside Celery.

Both read a quorum queue of the same RabbitMQ and write the same row with the same statement into the same PostgreSQL.
Ours: bridge and host, one function process; token, CloudEvent, and the inbox row in the commit of the change, so that
a copy changes nothing. Celery: acks_late, a process for each core, the result in the same PostgreSQL in a transaction
of its own after the change; a copy would change twice. Nothing is told to others on either side.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from scripts.benchmarks import machine
from scripts.benchmarks.celery_side import PROCESSES, RESULTS, app_settings, ask, require_celery, steer, worker
from scripts.benchmarks.measure import Bench, Better, Figure
from scripts.benchmarks.platform import ROOT, environment
from scripts.benchmarks.real import Engines, engines, make_topology, migrate, new_databases
from scripts.benchmarks.samples import COUNT
from scripts.benchmarks.view import counter
from scripts.benchmarks.waiting import wait_for

MANY, QUICK, WARM = 2_000, 500, 200
LEAST, GOAL = 1.0, "at least 1, aim 5"
#: Celery's default; 1 and 25 make no difference here that stands out of the noise.
PREFETCH = 4
BATCH = 50
AGAINST = "Celery, acks_late"
_SETTLE, WAIT = 0.3, 180.0
Numbers = dict[str, list[float]]


@dataclass(frozen=True)
class Side:
    """One who does the work. `count` asks its database how many messages are done."""

    name: str
    pid: int
    publish: Callable[[str, int], Mapping[str, float]]
    go: Callable[[], object]
    halt: Callable[[], object]
    count: Callable[[], int]


def run(bench: Bench) -> Iterator[Figure]:
    """Rounds of many messages: published first, then worked off; the sides take turns."""
    require_celery()
    many = QUICK if bench.rounds < 4 else MANY
    found: dict[str, Numbers] = defaultdict(lambda: defaultdict(list))
    with engines(bench, ("postgres", "rabbitmq")) as real, ExitStack() as stack:
        make_topology(environment(bench.folder / "home", **real.environment()))
        sides = [
            *(stack.enter_context(_ours(bench, real, batch)) for batch in (1, BATCH)),
            stack.enter_context(_celery(bench, real)),
        ]
        for side in sides:
            side.halt()
        for number in range(bench.rounds + 1):
            for side in sides:
                bench.say(f"celery: round {number} of {bench.rounds}, {side.name}")
                numbers = _round(real, side, f"b{number}", many if number else WARM)
                for key, value in numbers.items() if number else ():  # the first warms up
                    found[side.name][key].append(value)
        for side in sides:
            found[side.name]["memory"].append(machine.tree_memory_mib(side.pid))
    theirs = found[sides[-1].name]
    for side in sides[:-1]:
        yield from _figures(side.name, found[side.name], theirs)
    sent = tuple(number for side in sides[:-1] for number in found[side.name]["sent"])
    yield Figure(
        "messages published one a call, confirmed, per CPU-second", "1/s", "more", sent, tuple(theirs["sent"]), AGAINST,
        how=_HOW,
    )  # fmt: skip


def _round(real: Engines, side: Side, batch: str, many: int) -> dict[str, float]:
    """What one side needs for so many messages."""
    before = side.count()
    sent = side.publish(batch, many)
    engines_before, cpu, began = real.usage(), machine.tree_cpu_seconds(side.pid), time.perf_counter()
    side.go()
    wait_for(lambda: side.count() >= before + many, f"{many} messages to be done, {side.name}", WAIT, pause=0.1)
    wall = time.perf_counter() - began
    time.sleep(_SETTLE)  # the last of them are acknowledged
    taken = machine.tree_cpu_seconds(side.pid) - cpu
    side.halt()
    if (done := side.count() - before) != many:
        raise RuntimeError(f"{side.name}: {many} messages had {done} effects")
    return {
        "rate": many / taken,
        "speed": many / wall,
        "sent": many / sent["cpu"],
        "engines": (real.usage() - engines_before).total * 1000 / many,
    }


_ROWS: tuple[tuple[str, str, Better, str], ...] = (
    ("messages done per CPU-second", "1/s", "more", "rate"),
    ("messages done per second", "1/s", "more", "speed"),
    ("CPU of PostgreSQL and RabbitMQ a message", "ms", "less", "engines"),
    ("memory after it", "MiB", "less", "memory"),
)
_HOW = (
    f"{MANY} messages a round (--quick: {QUICK}), published first, worked off then. CPU: all processes of a side "
    "without the engines. "
    "Ours: host with bridge, zygote, function; token, CloudEvent, inbox row in the commit of the change. "
    f"Celery: main and {PROCESSES} worker processes, acks_late, prefetch multiplier {PREFETCH}, the "
    "result in a transaction after the change; no inbox, a copy would change twice. Each publisher sends one a call."
)


def _figures(name: str, ours: Numbers, theirs: Numbers) -> Iterator[Figure]:
    for what, unit, better, key in _ROWS:
        figure = Figure(
            f"{what}, {name}",
            unit,
            better,
            tuple(ours[key]),
            tuple(theirs[key]),
            "Celery, acks_late, prefork",
            how=_HOW,
        )
        if key == "rate":
            figure = replace(figure, goal=GOAL, reached=(figure.ratio or 0) >= LEAST)
        yield figure


@contextmanager
def _ours(bench: Bench, real: Engines, batch: int) -> Iterator[Side]:
    """Host, bridge and function with `batch` messages a call."""
    folder = bench.folder / f"ours-{batch}"
    folder.mkdir()
    own = new_databases(real.url("postgres"))
    env = environment(folder / "home", BIZOSAAS_WORK_URL=real.url("rabbitmq"), **own)
    migrate(env)
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.benchmarks.learner", "serve", str(folder), str(batch)],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def say(word: str, answer: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
        if answer and process.stdout.readline().strip() != answer:
            raise RuntimeError("our side ended")

    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError("our side did not start")
        with counter(own, COUNT) as count:
            yield Side(
                "one a call" if batch == 1 else f"{batch} a call",
                process.pid,
                lambda name, many: json.loads(_run(env, "scripts.benchmarks.learner", "publish", name, str(many))),
                lambda: say("go", ""),
                lambda: say("halt", "halted"),
                count,
            )
    finally:
        process.communicate("")


@contextmanager
def _celery(bench: Bench, real: Engines) -> Iterator[Side]:
    """A worker of Celery's on a queue of its own."""
    own = new_databases(real.url("postgres"))
    broker = real.url("rabbitmq")
    env = environment(bench.folder / "celery" / "home", **app_settings(broker, PREFETCH), **own)
    migrate(env)
    with worker(env, bench.folder / "celery.txt") as pid, counter(own, RESULTS) as count:
        yield Side(
            "Celery",
            pid,
            lambda name, many: ask(env, "publish", name, str(many)),
            lambda: steer(broker, on=True),
            lambda: steer(broker, on=False),
            count,
        )


def _run(env: Mapping[str, str], module: str, *words: str) -> str:
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, cwd=ROOT, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr[-1000:]}")
    return done.stdout
