"""What a contract test gets: an engine under test, whichever it is, and the marks that say on which engines it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

import pytest

from events.topology import QueueSpec, TopicSpec, Topology
from shared.bus.port import Bus, Delivery

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0  # real seconds until a condition must hold

#: What is promised of queues, of topics, and of both on one engine. A name here is a module in `engines/`.
WORK = pytest.mark.engines("embedded", "rabbitmq")
FACTS = pytest.mark.engines("embedded", "kafka")
#: Where a message's priority is kept exactly (RabbitMQ's quorum queues know none, or two levels).
PRIORITY = pytest.mark.engines("embedded", "rabbitmq_classic")
EMBEDDED = pytest.mark.engines("embedded")

# Times of the contract tests, in the world's seconds (`World.seconds` makes real ones of them).
TTL = 60
LONG = 40 * TTL  # of auto_seo: longer than processes take to start
RETRY_BASE, RETRY_MAX = 2.0, 60.0
WEEK = 7 * 24 * 3600

T = TypeVar("T")


def topology(unit: float = 1.0) -> Topology:
    """The queues and topics of the contract tests; `unit` is how long one of the world's seconds really is."""
    queues = [
        QueueSpec(name, priority, round(ttl * unit), 5, RETRY_BASE * unit, RETRY_MAX * unit)
        for name, priority, ttl in (("auto_orders", 10, TTL), ("auto_seo", 5, LONG), ("auto_analytics", 3, TTL))
    ]
    topics = [
        TopicSpec("domain.orders", 3, round(WEEK * unit)),
        TopicSpec("ai.errors", 2, round(WEEK * unit)),
        TopicSpec("audit.trail", 5, None),
        TopicSpec("domain.incoming", 1, round(WEEK * unit), stamped=True),
    ]
    return Topology({spec.name: spec for spec in queues}, {spec.name: spec for spec in topics})


@dataclass
class World:
    """An engine under test. `bus` is one user of it; `join()` another, as a second process would be.

    Where time can be moved `advance` moves it; else it waits, and `unit` makes the waiting short: give the bus its
    times through `seconds`. What a real engine does soon but not at once is waited for with `soon` and `leased`.
    """

    engine: str
    address: str = field(repr=False)  # it may hold a password
    advance: Callable[[float], None]
    now: Callable[[], float]
    join: Callable[[], Bus]
    bus: Bus
    unit: float = 1.0
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def seconds(self, number: float) -> float:
        """That many of the world's seconds, as the bus wants them."""
        return number * self.unit

    def soon(self, look: Callable[[], T], expected: T) -> None:
        """What `look` returns is `expected` now (embedded) or comes to be within `PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        found = look()
        while found != expected and self.engine != "embedded" and time.monotonic() < deadline:
            time.sleep(0.01)
            found = look()
        assert found == expected

    def leased(
        self, bus: Bus, queue: str, count: int, seconds: float = 30.0, limit: int | None = None
    ) -> list[Delivery]:
        """`count` deliveries; the embedded bus has them at once."""
        got: list[Delivery] = []

        def look() -> int:
            got.extend(bus.lease(queue, count - len(got), self.seconds(seconds)))
            return len(got)

        self.soon(look, count)
        return got

    def start(self, command: str, *arguments: str) -> Worker:
        """Start `worker.py` on this engine in a process of its own."""
        worker = Worker([sys.executable, str(Path(__file__).with_name("worker.py")), self.engine, self.address,
                         command, *arguments])  # fmt: skip
        self.workers.append(worker.process)
        return worker

    def close_workers(self) -> None:
        """Kill those that still run."""
        for process in self.workers:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _open(pipe).close()


class Worker:
    """A running `worker.py`: it answers by lines, and goes on when told."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": "."},
        )

    def line(self) -> str:
        """The next line it prints, waiting for it."""
        return _open(self.process.stdout).readline().strip()

    def go(self) -> None:
        """Tell it to go on."""
        pipe = _open(self.process.stdin)
        pipe.write("\n")
        pipe.flush()

    def rest(self) -> list[str]:
        """Everything else it prints, when it has ended well."""
        output = _open(self.process.stdout).read()
        assert self.process.wait() == 0
        return output.split()

    def kill(self) -> list[str]:
        """kill -9 it; what it had printed until then."""
        self.process.kill()
        output = _open(self.process.stdout).read()
        self.process.wait()
        return output.split()


def _open(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
