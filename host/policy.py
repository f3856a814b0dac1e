"""When to start a process, when to let one sleep, when to refuse a call: pure functions of numbers.

Nothing here knows of processes, clocks or sockets; `pool.py` asks and does. The rules, in their order:

1. A call that finds a free slot is served. One that does not waits, up to `queue_limit` of them beyond those
   that have a slot coming with a process that starts; more are refused, since a longer queue makes everybody
   late.
2. Processes wanted = calls in flight and waiting, divided by `target`, between `minimum` and `maximum` while
   there is work, `floor` when there is none.
3. After a crash nothing starts for a while that doubles with each crash in a row. Calls wait meanwhile,
   unless the while is longer than they may wait.
4. A process without work for `idle` seconds sleeps, while more than `floor` are left.
5. Little memory: idle processes sleep early, the longest idle first; a function gets no second process.
   Hardly any memory: no process starts at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from host.stack import Function

BACKOFF_FIRST = 0.1  # seconds after the first crash
BACKOFF_MOST = 30.0


@dataclass(frozen=True)
class Load:
    """What one function has to do and with what: calls, and processes that are ready or on their way."""

    in_flight: int = 0
    waiting: int = 0
    ready: int = 0
    starting: int = 0

    @property
    def living(self) -> int:
        return self.ready + self.starting


@dataclass(frozen=True)
class Memory:
    """Bytes that the machine has left, and the bytes that should stay left."""

    available: int
    reserve: int

    @property
    def little(self) -> bool:
        return self.available < self.reserve

    @property
    def hardly_any(self) -> bool:
        return self.available < self.reserve // 4


@dataclass(frozen=True)
class Refusal:
    """Why a call is refused, and the seconds after which it may come again."""

    reason: str
    retry_after: float


def processes_wanted(function: Function, load: Load) -> int:
    """How many processes the function should have for this load (rule 2)."""
    calls = load.in_flight + load.waiting
    if calls == 0:
        return function.floor
    return min(function.maximum, max(function.minimum, function.floor, math.ceil(calls / function.target)))


def processes_to_start(function: Function, load: Load, memory: Memory, *, backing_off: bool) -> int:
    """How many to start now (rules 2, 3 and 5)."""
    missing = processes_wanted(function, load) - load.living
    if missing <= 0 or backing_off or memory.hardly_any:
        return 0
    return missing if not memory.little else int(load.living == 0)


def refusal(function: Function, load: Load, memory: Memory, *, retry_in: float, wait_limit: float) -> Refusal | None:
    """Why a call that found no free slot may not wait, or None when it may (rules 1, 3 and 5).

    `retry_in` is what is left of the pause after a crash, `wait_limit` how long a call may wait.
    """
    slots_coming = function.concurrency * (load.starting or int(load.living == 0))
    if load.waiting >= function.queue_limit + slots_coming:
        return Refusal("queue_full", 1.0)
    if load.living == 0 and retry_in > wait_limit:
        return Refusal("crashing", retry_in)
    if load.living == 0 and memory.hardly_any:
        return Refusal("no_memory", 5.0)
    return None


def processes_to_stop(function: Function, load: Load, idle_seconds: Sequence[float]) -> int:
    """How many of the idle processes, the longest idle first, should sleep now (rule 4)."""
    overdue = sum(1 for seconds in idle_seconds if seconds >= function.idle)
    return max(0, min(overdue, load.living - function.floor))


def idle_to_evict(memory: Memory, idle: int) -> int:
    """How many of `idle` processes of the whole host should sleep early: half of them, one at least (rule
    5).
    """
    return math.ceil(idle / 2) if memory.little else 0


def backoff(failures: int, chance: float) -> float:
    """Seconds to pause after this many crashes in a row; `chance` in [0, 1) spreads it over the upper half.

    Exponential with "equal jitter" (M. Brooker, AWS architecture blog, 2015): hosts that crashed together do
    not come back together, and none comes back at once.
    """
    if failures <= 0:
        return 0.0
    whole = min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(failures - 1, 30))
    return whole / 2 + whole / 2 * chance
