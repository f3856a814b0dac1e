"""One function process, as the host sees it: its sockets, its calls, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from host.logs import LogPipe
from host.settings import Context, secret_environment
from host.upstream import Upstream, open_upstream

if TYPE_CHECKING:
    from host.calls import Call
    from host.pool import Pool

BACKLOG = 128
ACCEPT_PAUSE = 0.005  # seconds
MOMENT = 0.005  # seconds


class State(Enum):
    """STARTING -> READY -> LEAVING -> GONE; each step may be skipped, none is taken back."""

    STARTING = 1
    READY = 2
    LEAVING = 3
    GONE = 4


class Process:
    """Everything of one process. The pool decides; this carries out and tells.

    pool --leave(reason)--> SIGTERM         --> finishes its calls, ends
    pool --kill(reason)---> SIGKILL
    pool <--process_ready-- the process id on the leash
    pool <--process_gone--- end of file on the leash, or the zygote says so, whichever is first
    pool <--process_ended-- the exit status (None when the zygote that knew it died)
    """

    def __init__(self, pool: Pool, context: Context) -> None:
        self.pool = pool
        self.context = context
        self.state = State.STARTING
        self.pid = 0
        self.reason = ""  # why it was asked to end; empty when nobody asked
        self.calls: dict[Call, None] = {}  # the oldest first
        self.idle: list[Upstream] = []  # kept connections without a call
        self.born = time.monotonic()
        self.idle_since = context.clock.now
        self.end_by: float | None = None
        self._orphan = False
        self._ended = False
        self._connecting: set[asyncio.Task[None]] = set()
        self.path = context.socket_path()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(max(BACKLOG, pool.function.concurrency))
        self._leash, self._their_leash = socket.socketpair()
        self._leash.setblocking(False)
        self._log = LogPipe(context.loop, pool.function.name, context.on_log)
        context.loop.add_reader(self._leash, self.look)

    @property
    def to_blame(self) -> bool:
        """True when it ended, or never began, by itself."""
        return self.reason in ("", "start_limit", "unreachable")

    # --- the start --------------------------------------------------------------------------------

    def request(self) -> dict[str, Any]:
        """What the zygote is asked."""
        function = self.pool.function
        own = {"FUNCTION": function.name, **secret_environment(function.secrets), **function.environment}
        return {
            "function": function.name,
            "environment": {**self.context.settings.environment, **own},
            "memory": function.memory,
            "threads": function.concurrency,
        }

    def descriptors(self) -> list[int]:
        """What the zygote is given, in the order that it expects."""
        return [self._listener.fileno(), self._log.write_end, self._their_leash.fileno()]

    def asked(self) -> None:
        """The request is under way: our copies of the child's ends would hide its end from us.

        The first connection is made at once; the kernel holds it until the child accepts.
        """
        self._listener.close()
        self._their_leash.close()
        self._log.close_write_end()
        self.connect(None)

    def discard(self) -> None:
        """Nobody could be asked: it never was."""
        self.reason = "not_asked"
        self.state = State.GONE
        self._ended = True
        self._close_ends()
        self._log.close()

    def has_pid(self, pid: int) -> None:
        self.pid = self._log.pid = pid
        if self.reason and self.state is not State.GONE:
            self._signal(signal.SIGKILL)

    def failed(self, why: str, *, reason: str = "") -> None:
        """No process came of the request; `reason` when that is not the function's own fault."""
        self.reason = self.reason or reason
        if self.state is State.STARTING:
            self.context.on_event("start_failed", function=self.pool.function.name, why=why)
        self._gone()
        self._end(None)

    # --- the end ----------------------------------------------------------------------------------

    def leave(self, reason: str) -> None:
        """Asks it to finish its calls and end; it is killed when it has not by the drain limit."""
        if self.state in (State.LEAVING, State.GONE):
            return
        self.reason = self.reason or reason
        self.state = State.LEAVING
        self.end_by = time.monotonic() + self.context.settings.drain_limit
        for connection in self.idle:
            connection.close()
        self.idle.clear()
        self._signal(signal.SIGTERM)

    def kill(self, reason: str) -> None:
        """Ends it at once."""
        self.reason = self.reason or reason
        if self.state is not State.GONE:
            self.state = State.LEAVING
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # The zygote reaps within the instant and tells; a process id cannot have come round again by then.
        if self.pid and not self._ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def exited(self, status: int) -> None:
        """The zygote has reaped it."""
        self._gone()
        self._end(status)

    def orphaned(self) -> None:
        """The zygote is dead: nobody will tell the status."""
        self._orphan = True
        if self.state is State.GONE:
            self._end(None)

    def look(self) -> None:
        """Hears what the leash says, if anything: that it is ready, or that it is gone."""
        if self.state is State.GONE:
            return
        try:
            said = self._leash.recv(16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            said = b""
        if said:
            if self.state is State.STARTING:
                if not self.pid:
                    self.has_pid(int(said))
                self.state = State.READY
                self.idle_since = self.context.clock.now
                self.pool.process_ready(self)
            return
        self._gone()
        if self._orphan:
            self._end(None)

    def when_its_end_is_known(self, tell: Callable[[], None]) -> None:
        """Calls `tell` when a process that has ended is known to have: the kernel closes what a dead process had in no
        order that it promises, so a connection's end may be seen a moment before the leash's."""
        self.look()
        if self.state is State.GONE:
            tell()
        else:
            self.context.loop.call_later(MOMENT, tell)

    def _gone(self) -> None:
        if self.state is State.GONE:
            return
        self.state = State.GONE
        self._close_ends()
        for connection in self.idle:
            connection.close()
        self.idle.clear()
        self.pool.process_gone(self)

    def _close_ends(self) -> None:
        self.context.loop.remove_reader(self._leash)
        for end in (self._leash, self._their_leash, self._listener):
            end.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def _end(self, status: int | None) -> None:
        if not self._ended:
            self._ended = True
            self._log.close()
            self.pool.process_ended(self, status)

    # --- its connections --------------------------------------------------------------------------

    def connect(self, call: Call | None) -> None:
        """Makes one more connection, for `call` or to keep."""
        task = self.context.loop.create_task(self._connect(call))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, call: Call | None) -> None:
        connection = await self._open()
        if call is not None and call.process is self and call.connection is None:
            call.connected(connection)
        elif connection is not None:
            self.keep(connection)

    async def _open(self) -> Upstream | None:
        """A connection, or None when the process takes none any more."""
        while self.state is not State.GONE:
            try:
                return await open_upstream(self)
            except BlockingIOError:  # as many wait to be accepted as the kernel holds: the process is busy
                await asyncio.sleep(ACCEPT_PAUSE)
            except (ConnectionRefusedError, FileNotFoundError):
                self.pool.unreachable(self)
                return None
            except OSError:  # the host is out of descriptors: no fault of the process
                return None
        return None

    def keep(self, connection: Upstream) -> None:
        """Puts a connection without a call aside for the next one."""
        if self.state in (State.STARTING, State.READY):
            self.idle.append(connection)
        else:
            connection.close()
