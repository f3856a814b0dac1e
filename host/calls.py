"""A call: one request on its way through a function, whoever asks (a caller at the door, or a part of the
host).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from host.errors import Died
from host.httpwire import Header, value_of
from shared.errors import HouseError, TryAgain

if TYPE_CHECKING:
    from host.pool import Pool
    from host.process import Process
    from host.upstream import Upstream

ATTEMPTS = 3


class Call:
    """The life of a call, with what the pool and the connection tell it. Who asks overrides the lower half.

    submit -> (waits) -> granted -> connected -> sent -> answer_head -> answer_body* -> finished
       |         |           \\__________ again __________/   |              |
    refused   withdrawn              nothing was sent       lost           lost
    """

    __slots__ = (
        *("all_sent", "arrived", "attempts", "cold", "connection", "head_only"),
        *("pool", "process", "since", "upgraded"),
    )

    pool: Pool

    def __init__(self) -> None:
        self.process: Process | None = None  # holds a slot of it
        self.connection: Upstream | None = None
        self.arrived = 0.0  # monotonic seconds
        self.since = 0.0  # when it got its slot
        self.cold = False  # had to wait for a process to start
        self.attempts = 0
        self.head_only = False  # a HEAD request: its answer has no body, whatever its head says
        self.all_sent = True  # the whole request is on its way
        self.upgraded = False  # both sides now speak another protocol

    # --- told by the pool and the connection ------------------------------------------------------

    def submit(self, pool: Pool) -> None:
        """Asks the pool for a slot."""
        self.pool = pool
        self.arrived = self.since = time.monotonic()
        pool.submit(self)

    def granted(self, process: Process) -> None:
        """The pool gave a slot of `process`."""
        self.process = process
        idle = process.idle
        if idle:
            self.connected(idle.pop())
        else:
            process.connect(self)

    def connected(self, connection: Upstream | None) -> None:
        """A connection to the process is there, or could not be made."""
        if connection is None:
            self._again()
            return
        self.connection = connection
        if connection.begin(self, self.opening()):
            self.opened()
            return
        self.connection = None
        self.attempts += 1
        if self.process is not None and self.attempts < ATTEMPTS:
            self.process.connect(self)  # the kept one was closed; a new one tells whether the process lives
        else:
            self._again()

    def _again(self) -> None:
        """The process is dying and nothing was sent to it: another may do the call."""
        self.leave()
        self.attempts += 1
        if self.attempts <= ATTEMPTS:
            self.pool.submit(self)
        else:
            self.failed(TryAgain("the function's processes end before they take the call", retry_after=1.0))

    def overdue(self, limit: float) -> bool:
        """True when it has had its slot since before `limit`; an upgraded stream may last."""
        return self.since < limit and not self.upgraded

    def leave(self) -> None:
        """Gives the slot back."""
        process, self.process = self.process, None
        self.connection = None
        if process is not None:
            self.pool.release(process, self)

    def finished(self) -> None:
        """The whole answer was passed on, and the connection is done with."""
        self.leave()
        self.ended()

    def lost(self, why: str, *, answering: bool) -> None:
        """The connection broke after something was sent on it."""
        self.leave()
        if answering:
            self.broken_off()
        else:
            self.failed(Died(f"the function gave no answer: {why}", retry_after=1.0))

    def over_time(self, error: HouseError) -> None:
        """The process is about to be killed for this call."""
        connection = self.connection
        answering = connection is not None and connection.heard
        if connection is not None:
            connection.close()
        self.leave()
        if answering:
            self.broken_off()
        else:
            self.failed(error)

    def abandon(self) -> None:
        """Who asked is gone: leaves the queue, or breaks off so that the function can see it."""
        if self.connection is not None:
            self.connection.close()
        elif self.process is None:
            self.pool.withdraw(self)
        self.leave()

    # --- overridden by who asks -------------------------------------------------------------------

    def opening(self) -> bytes:
        """The head of the request, and as much of its body as is there."""
        raise NotImplementedError

    def opened(self) -> None:
        """The opening is on its way."""

    def waits_for_caller(self) -> bool:
        """True while it is the caller, not the function, that makes the call last."""
        return False

    def caller_too_slow(self) -> None:
        """Its time is over, and the function is not to blame."""

    def interim(self, status: int, headers: list[Header]) -> None:
        """An informational answer (1xx), before the real one."""

    def answer_head(self, status: int, headers: list[Header]) -> None:
        """The head of the answer."""
        raise NotImplementedError

    def answer_body(self, data: bytes) -> None:
        """A part of the answer's body, decoded."""
        raise NotImplementedError

    def flush(self) -> None:
        """All that came in one read has been told."""

    def ended(self) -> None:
        """The answer is whole."""
        raise NotImplementedError

    def failed(self, error: HouseError) -> None:
        """There will be no answer of the function; `error` says why."""
        raise NotImplementedError

    def broken_off(self) -> None:
        """The answer had begun and will not end."""
        raise NotImplementedError

    def pause_request(self) -> None:
        """The function takes the body more slowly than it comes."""

    def resume_request(self) -> None:
        """The function has caught up."""


@dataclass(frozen=True)
class Response:
    """A function's answer to a call inside the host."""

    status: int
    headers: tuple[Header, ...]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first field of that name (lower case), or None."""
        return value_of(self.headers, name)


class InternalCall(Call):
    """A call that a part of the host makes; `response` is awaited."""

    __slots__ = ("_body", "_head", "_limit", "_opening", "_size", "response")

    def __init__(self, opening: bytes, *, head_only: bool, answer_limit: int) -> None:
        super().__init__()
        self.head_only = head_only
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._opening = opening
        self._head: tuple[int, Sequence[Header]] = (0, ())
        self._body: list[bytes] = []
        self._size = 0
        self._limit = answer_limit

    def opening(self) -> bytes:
        return self._opening

    def answer_head(self, status: int, headers: list[Header]) -> None:
        self.pool.answered(self, status)
        self._head = (status, headers)

    def answer_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._limit:
            self._body.append(data)

    def flush(self) -> None:
        if self._size > self._limit:
            self.abandon()
            self.failed(self._too_large())

    def _too_large(self) -> Died:
        return Died(f"the answer is larger than {self._limit} bytes")

    def ended(self) -> None:
        if self._size > self._limit:
            self.failed(self._too_large())
        elif not self.response.done():
            status, headers = self._head
            self.response.set_result(Response(status, tuple(headers), b"".join(self._body)))

    def failed(self, error: HouseError) -> None:
        if not self.response.done():
            self.response.set_exception(error)

    def broken_off(self) -> None:
        self.failed(Died("the function's process ended in the middle of its answer", retry_after=1.0))
