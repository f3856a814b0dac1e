"""Where a model's tools run: in the thread that called, while CrewAI works in its own.

1. CrewAI calls tools from whatever thread it likes, several at once; a case and its database are for one thread.
   So its threads ask, and the caller's thread runs one tool at a time.
2. The caller waits no longer than the deadline. What CrewAI does after that reaches no tool and no model.
3. What a tool raises ends the work and reaches the caller as it is: a model cannot talk it away.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.agents.answer import ModelFailed
from shared.agents.brief import TOOL_LIMIT, quoted
from shared.agents.case import Case

T = TypeVar("T")
#: A tool gives the same each time. (CrewAI itself stops at the fifth call, with a reason that is less clear.)
CALLS_PER_TOOL = 4


class ToolStopped(Exception):
    """Raised when a tool raised; `error` is what it raised."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class Workbench(Generic[T]):
    """One run's tools. `deadline` is a time of `time.monotonic`; `used` are the calls in their order."""

    case: Case
    deadline: float
    used: list[str] = field(default_factory=list)
    closed: bool = False
    _asked: queue.SimpleQueue[tuple[str, Future[str]] | None] = field(default_factory=queue.SimpleQueue)
    _done: Future[T] = field(default_factory=Future)

    def ask(self, tool: str) -> str:
        """What a tool finds, as JSON text. Called by CrewAI, in any thread. Raises `ModelFailed` when the work
        is over."""
        reply: Future[str] = Future()
        self._asked.put((tool, reply))
        while not self.closed:
            with contextlib.suppress(TimeoutError):
                return reply.result(timeout=0.2)
        raise ModelFailed("the work is over")

    def run(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread of its own and serve its tools in this one. Returns or raises what it does.
        Raises `ToolStopped`, and `ModelFailed` past the deadline or over the limit of calls of one tool."""
        threading.Thread(target=self._work, args=(work,), name="crewai", daemon=True).start()
        try:
            while (asked := self._next()) is not None:
                self._serve(*asked)
            return self._done.result(timeout=0)
        finally:
            self.closed = True

    def _work(self, work: Callable[[], T]) -> None:
        try:
            self._done.set_result(work())
        except BaseException as error:  # noqa: BLE001  # handed to the caller, whatever it is
            self._done.set_exception(error)
        self._asked.put(None)

    def _next(self) -> tuple[str, Future[str]] | None:
        left = self.deadline - time.monotonic()
        try:
            return self._asked.get(timeout=max(0.0, left))
        except queue.Empty:
            raise ModelFailed("the model took too long") from None

    def _serve(self, tool: str, reply: Future[str]) -> None:
        if self.used.count(tool) >= CALLS_PER_TOOL:
            raise ModelFailed(f"the model went on calling {tool} after {CALLS_PER_TOOL} calls")
        self.used.append(tool)
        try:
            found = self.case.get(tool)
        except Exception as error:
            raise ToolStopped(error) from error
        reply.set_result(quoted(found, TOOL_LIMIT))
