"""Five hundred tasks through a platform that is hurt meanwhile, and the count at the end from the stores."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil  # type: ignore[import-untyped]  # it has no types

from scripts.trial.count import count
from scripts.trial.load import Load
from scripts.trial.reckoning import DEAD_WORK, Reckoning
from scripts.trial.samples import Kind
from tests.flows.platform import Platform, wait_for

TASKS = 500
#: Of every kind, but mostly orders that are done soon, and few tickets, for most of those wait for a human.
#: The payments are for orders that nobody has placed: they die by design.
MIX: dict[Kind, int] = {"order": 20, "unpaid": 50, "ticket": 10, "event": 19, "payment": 1}
#: For machines that many share: nothing waits for so long unless it is stuck.
PATIENCE = 600.0
_BUSY = "status IN ('queued', 'running')"


class Round:
    """One load on one platform."""

    def __init__(self, one: Platform, *, rate: float = 60.0) -> None:
        self.one = one
        self.load = Load(one.port, rate=rate, workers=8, most=TASKS, mix=MIX).start()

    def accepted(self, number: int) -> None:
        """Wait until so many are accepted."""
        wait_for(lambda: self.load.submitted >= number, f"{number} tasks to be accepted", PATIENCE)

    def moments(self, times: int) -> Iterator[int]:
        """So many moments, evenly over the load, numbered from 0."""
        for number in range(times):
            self.accepted((number + 1) * TASKS // (times + 1))
            yield number

    def nobody_was_told_more_than_to_ask_again(self) -> None:
        """Callers were answered well, or told that it cannot be now (503); 409 is a decision that came too late."""
        assert set(self.load.answers) <= {"200", "202", "409", "503"}, self.load.answers

    def reckoning(self, at_rest: Callable[[], None] | None = None) -> Reckoning:
        """Wait for the rest, call `at_rest` when no task is under way, and count: exact, nobody refused, and no dead
        letter but those that die by design (a payment for an order that nobody has placed)."""
        assert self.load.wait(PATIENCE), f"{self.load.submitted} of {TASKS} accepted: {self.load.answers}"
        promised = self.load.finish(PATIENCE)
        if at_rest is not None:
            wait_for(lambda: not under_way(self.one), "no task to be under way", PATIENCE)
            at_rest()
        found = count(self.one.variables(), promised, PATIENCE)
        assert found.exact, (found.faults[:5], found.under_way, len(found.faults))
        assert found.submitted >= TASKS
        assert found.figures[DEAD_WORK] == 0, found.reasons
        assert all("no order 'nobody-" in reason for reason in found.reasons), found.reasons
        assert self.load.refused == []
        return found


def bridges(one: Platform) -> list[psutil.Process]:
    """Its bridge processes, the oldest first."""
    found = [process for process in one.processes() if _is_bridge(process)]
    return sorted(found, key=lambda process: float(process.create_time()))


def _is_bridge(process: psutil.Process) -> bool:
    try:
        return "host.bridging" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def under_way(one: Platform) -> list[str]:
    """The tasks that a role has or should have now."""
    return [str(id_) for (id_,) in one.rows("orchestration", f"SELECT id FROM tasks WHERE {_BUSY}")]


def left_of(one: Platform, tasks: list[str]) -> int:
    """How many of these tasks are still under way."""
    query = f"SELECT count(*) FROM tasks WHERE {_BUSY} AND id = ANY(%s)"
    return int(one.rows("orchestration", query, tasks)[0][0])


@contextmanager
def suspended(process: psutil.Process) -> Iterator[None]:
    """It holds all that it has and answers nobody."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        if process.is_running():
            process.send_signal(signal.SIGCONT)


def no_traceback(one: Platform) -> None:
    """Nothing that it said is a fault of its own."""
    said = [str(line) for line in one.lines] + one.errors
    assert [line for line in said if "Traceback" in line or "failed unexpectedly" in line][:3] == []
