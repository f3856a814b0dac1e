"""The owner of one function's processes: every change of who does what happens here, on the loop's thread.

    call --submit--> [ a free slot? ] --yes--> process --answer--> call --release--> the next that waits
                            | no
                     [ may it wait? ] --no---> refused: 503 and Retry-After
                            | yes
                     [ waiting, in order ] <-- process_ready, release: the next gets the slot
                            |
                     [ policy: start some ] --spawner--> process

What can go wrong, and what follows:

1. A process dies with no call: it is gone from the pool before the next call looks.
2. It dies after a call got its slot and before anything was sent: the call tries a new connection, and another
   process when there is none to be had (calls.py).
3. It dies later: the call fails with 502, or breaks off; see upstream.py.
4. It dies unasked: the next start waits, longer with each death in a row; an answer ends the row.
5. It never becomes ready: it is killed at the start limit, and that counts as a death.
6. A call runs over the function's `timeout`: 504 for it, and the process is killed, since nothing else stops code
   that loops; calls beside it in the process fail as in 3. When it is the caller who is slow, only the call ends. A
   WebSocket may last; server-sent events may last as long as `timeout` says.
7. A call waits longer than the wait limit: 503.
8. The zygote is gone: calls wait as in 7 until another is there.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from typing import TYPE_CHECKING

from host import policy
from host.errors import OverTime
from host.metrics import FunctionMetrics
from host.policy import Load
from host.process import Process, State
from host.settings import Context
from shared.errors import Busy

if TYPE_CHECKING:
    from host.calls import Call
    from host.spawner import Spawner
    from host.stack import Function


class Pool:
    """The processes of one function and the calls that wait for them."""

    def __init__(self, function: Function, spawner: Spawner, context: Context) -> None:
        self.function = function
        self.metrics = FunctionMetrics()
        self.waiting: deque[Call] = deque()
        self.ready: list[Process] = []
        self.others: set[Process] = set()  # starting, leaving, or gone and not yet reaped
        self.failures = 0
        self.retry_at = 0.0
        self.closed = False
        self.ended = asyncio.Event()  # closed, and nothing lives
        self.spawner = spawner
        self._context = context
        self._concurrency = function.concurrency

    # --- numbers ----------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Calls that have a slot, those of processes that are leaving included."""
        return sum(len(process.calls) for process in (*self.ready, *self.others))

    @property
    def waiting_calls(self) -> int:
        return len(self.waiting)

    @property
    def living(self) -> int:
        return len(self.ready) + sum(process.state is not State.GONE for process in self.others)

    def load(self) -> Load:
        """The numbers that the policy judges."""
        starting = sum(process.state is State.STARTING for process in self.others)
        in_flight = sum(len(process.calls) for process in self.ready)
        return Load(in_flight, len(self.waiting), len(self.ready), starting)

    # --- calls ------------------------------------------------------------------------------------

    def submit(self, call: Call) -> None:
        """Gives the call a slot, lets it wait for one, or refuses it."""
        for process in self.ready:
            if len(process.calls) < self._concurrency:
                process.calls[call] = None
                call.granted(process)
                return
        refusal = self._refusal()
        if refusal is not None:
            self.metrics.refused[refusal.reason] += 1
            call.failed(Busy(_REFUSED[refusal.reason], retry_after=refusal.retry_after))
            return
        self.waiting.append(call)
        self.reconsider()

    def _refusal(self) -> policy.Refusal | None:
        if self.closed:
            return policy.Refusal("stopping", 1.0)
        settings = self._context.settings
        retry_in = self.retry_at - time.monotonic()
        return policy.refusal(
            self.function,
            self.load(),
            self._context.memory,
            retry_in=retry_in,
            wait_limit=settings.wait_limit,
        )

    def release(self, process: Process, call: Call) -> None:
        """A slot of `process` is free again."""
        process.calls.pop(call, None)
        if self.waiting and process.state is State.READY:
            self._grant(process, cold=False)
        elif not process.calls:
            process.idle_since = self._context.clock.now

    def withdraw(self, call: Call) -> None:
        """The call no longer waits."""
        if call in self.waiting:
            self.waiting.remove(call)

    def answered(self, call: Call, status: int) -> None:
        """The head of the call's answer is there: the function works."""
        self.failures = 0
        self.metrics.answered(status, time.monotonic() - call.arrived, call.cold)

    def _grant(self, process: Process, *, cold: bool) -> None:
        while self.waiting and len(process.calls) < self._concurrency and process.state is State.READY:
            call = self.waiting.popleft()
            call.cold = call.cold or cold
            call.since = time.monotonic()
            process.calls[call] = None
            call.granted(process)

    # --- processes --------------------------------------------------------------------------------

    def reconsider(self) -> None:
        """Starts what the policy wants."""
        if self.closed:
            return
        backing_off = self.retry_at > time.monotonic()
        count = policy.processes_to_start(self.function, self.load(), self._context.memory, backing_off=backing_off)
        for _ in range(count):
            process = self._new()
            if process is None:
                return
            if not self.spawner.spawn(process):
                process.discard()
                return
            self.others.add(process)
            self.metrics.starts += 1
            process.asked()

    def _new(self) -> Process | None:
        try:
            return Process(self, self._context)
        except OSError as error:  # no descriptors left, or no room for the socket: later perhaps
            self.retry_at = time.monotonic() + policy.BACKOFF_FIRST
            self._context.on_event("start_failed", function=self.function.name, why=str(error))
            return None

    def process_ready(self, process: Process) -> None:
        """It accepts calls."""
        self.others.discard(process)
        self.ready.append(process)
        seconds = time.monotonic() - process.born
        self.metrics.wake.observe(seconds)
        self._grant(process, cold=True)
        self._context.on_event(
            "woke",
            function=self.function.name,
            pid=process.pid,
            milliseconds=round(seconds * 1000, 1),
            image=self.spawner.image.name,
        )

    def unreachable(self, process: Process) -> None:
        """Nobody listens any more at a process that we have not seen end: it is ending, or it never will."""
        if process in self.ready:
            self.ready.remove(process)
            self.others.add(process)
            process.kill("unreachable")

    def process_gone(self, process: Process) -> None:
        """It no longer lives; its status comes later. Its calls hear of it from their connections."""
        if process in self.ready:
            self.ready.remove(process)
        self.others.add(process)
        if process.to_blame:
            self.failures += 1
            chance = random.random()  # spreads a pause, hides nothing
            self.retry_at = time.monotonic() + policy.backoff(self.failures, chance)
        else:
            self.reconsider()

    def process_ended(self, process: Process, status: int | None) -> None:
        """It is reaped: the last that is heard of it."""
        self.others.discard(process)
        reason = process.reason or "crashed"
        self.metrics.exits[reason] += 1
        told = {"function": self.function.name, "pid": process.pid, "status": status}
        if process.reason == "over_time":
            self._context.on_event("killed", **told, reason=reason, seconds=self.function.timeout)
        elif not process.to_blame:
            self._context.on_event("slept", **told, reason=reason)
        else:
            retry_in = max(0.0, self.retry_at - time.monotonic())
            self._context.on_event(
                "crashed", **told, reason=reason, failures=self.failures, retry_in=round(retry_in, 3)
            )
        self._tell_ended()

    def idle(self) -> list[Process]:
        """The processes without a call, the longest idle first."""
        found = [process for process in self.ready if not process.calls]
        return sorted(found, key=lambda process: process.idle_since)

    def sleep(self, process: Process, reason: str) -> None:
        """Lets a ready process finish and end."""
        self.ready.remove(process)
        self.others.add(process)
        process.leave(reason)

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Looks at every limit of this function; called often."""
        if not (self.ready or self.others or self.waiting or self.function.floor):
            return
        self._tick_waiting(now)
        for process in list(self.ready):
            self._tick_calls(process, now)
        for process in list(self.others):
            self._tick_ending(process, now)
        idle = self.idle()
        seconds = [now - process.idle_since for process in idle]
        for process in idle[: policy.processes_to_stop(self.function, self.load(), seconds)]:
            self.sleep(process, "idle")
        self.reconsider()

    def _tick_waiting(self, now: float) -> None:
        limit = now - self._context.settings.wait_limit
        while self.waiting and self.waiting[0].arrived < limit:
            call = self.waiting.popleft()
            self.metrics.refused["waited_too_long"] += 1
            call.failed(Busy(_REFUSED["waited_too_long"], retry_after=1.0))

    def _tick_calls(self, process: Process, now: float) -> None:
        """The calls that are over their time (6)."""
        late = [call for call in process.calls if call.overdue(now - self.function.timeout)]
        for call in late:
            if call.waits_for_caller():
                call.caller_too_slow()
                continue
            self.ready.remove(process)
            self.others.add(process)
            process.kill("over_time")
            call.over_time(OverTime(f"one call may last {self.function.timeout:g} seconds"))
            return

    def _tick_ending(self, process: Process, now: float) -> None:
        limit = self._context.settings.start_limit
        if process.state is State.STARTING and now - process.born > limit:
            process.kill("start_limit")
        elif process.end_by is not None and now > process.end_by:
            process.kill("drain_limit")

    def close(self) -> None:
        """No more calls, no more processes; those that live finish what they have."""
        self.closed = True
        while self.waiting:
            self.waiting.popleft().failed(Busy(_REFUSED["stopping"], retry_after=1.0))
        for process in list(self.ready):
            self.sleep(process, "stopped")
        for process in list(self.others):
            process.leave("stopped")
        self._tell_ended()

    def _tell_ended(self) -> None:
        if self.closed and not self.ready and not self.others:
            self.ended.set()


_REFUSED = {
    "queue_full": "as many calls wait for this function as may",
    "crashing": "this function's process keeps ending",
    "no_memory": "this machine has no memory left to start the function",
    "stopping": "the host is stopping",
    "waited_too_long": "no process of this function became free in time",
}
