"""One connection from a caller: requests in, answers out, in order."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, cast

from host.errors import Slow
from host.exchange import Exchange
from host.reader import Reader

if TYPE_CHECKING:
    from host.front import Front
    from host.upstream import Upstream

NEVER = math.inf
LINGER = 3.0  # seconds to let a caller read an answer that came before its request was whole
_BODY, _QUEUE, _UPGRADE = 1, 2, 4  # why reading is held


class Client(asyncio.Protocol):
    """Lets one request after the other be answered, and keeps the caller's limits.

    `deadline` is when something has to have happened; the front looks at it at each tick. It stands for, in turn:
    the next request (keep-alive), the rest of a head, the next bytes of a body, the reading of an answer. It is NEVER
    while a function works.
    """

    __slots__ = (
        *("_held", "_lingering", "_reader", "_serving"),
        *("current", "deadline", "forwarded", "front", "full", "gone", "open", "transport", "tunnel"),
    )

    def __init__(self, front: Front) -> None:
        self.front = front
        self.current: Exchange | None = None
        self.tunnel: Upstream | None = None
        self.full = False  # the caller does not read as fast as we write
        self.gone = False
        self.open = True  # more requests are welcome
        self.deadline = NEVER
        self.forwarded = b""
        self.transport: asyncio.Transport = cast(Any, None)
        self._reader = Reader(self)
        self._serving = False
        self._lingering = False
        self._held = 0

    # --- asyncio's side ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else "unknown"
        self.forwarded = (
            f"\r\nx-forwarded-for: {address}\r\nx-forwarded-proto: {self.front.scheme}\r\nx-forwarded-host: "
        ).encode()
        self.deadline = self.front.clock.now + self.front.settings.head_timeout
        self.front.joined(self)

    def data_received(self, data: bytes) -> None:
        if self.tunnel is not None:
            self.tunnel.write(data)
            return
        reader = self._reader
        if reader.stopped:
            return
        reader.feed(data)
        if reader.in_head or reader.parsing is not None:
            self._await_rest()
        elif not self.full:
            self.deadline = NEVER
        if self.current is None:
            self._serve()
        else:
            self.current.more_came()
        if reader.queue and not reader.stopped:
            self._hold(_QUEUE)

    def _await_rest(self) -> None:
        """A part of a request is there: the rest must follow soon."""
        settings, now = self.front.settings, self.front.clock.now
        if self._reader.parsing is not None:
            self.deadline = now + settings.body_timeout
        elif self.current is None:
            self.deadline = min(self.deadline, now + settings.head_timeout)

    def pause_writing(self) -> None:
        self.full = True
        self.deadline = self.front.clock.now + self.front.settings.send_timeout
        current = self.current
        if current is not None and current.connection is not None:
            current.connection.transport.pause_reading()

    def resume_writing(self) -> None:
        self.full = False
        self.deadline = NEVER
        current = self.current
        if current is not None and current.connection is not None:
            current.connection.transport.resume_reading()
        elif current is None and self.open:
            self._serve()
            self._await_next()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.gone, self.open, self._reader.stopped = True, False, True
        self.deadline = NEVER
        self.tunnel = None
        self._reader.queue.clear()
        self.front.left(self)
        if self.current is not None and not self.current.caller_gone():
            self.current = None

    # --- the order of answers ---------------------------------------------------------------------

    def _serve(self) -> None:
        """Lets the next requests be answered, until one has to wait for a function."""
        if self._serving:
            return
        self._serving = True
        queue = self._reader.queue
        while queue and self.current is None and not self.gone and not self.full:
            self.current = exchange = queue.popleft()
            self.front.serve(exchange)
        self._serving = False
        if not queue:
            self._let(_QUEUE)

    def done(self, exchange: Exchange) -> None:
        """The whole answer is written."""
        if self.current is not exchange:
            return
        self.current = None
        if self.gone:
            return
        if exchange.last:
            self._end()
        elif self._reader.queue:
            self._serve()
        else:
            self._await_next()

    def _await_next(self) -> None:
        if not self.full and self.current is None and not self._reader.queue and not self._lingering:
            settings = self.front.settings
            seconds = settings.head_timeout if self._reader.in_head else settings.keep_alive
            self.deadline = self.front.clock.now + seconds

    # --- ends -------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Closes after the last answer. While a caller still sends, closing would destroy what it has to read."""
        reader = self._reader
        reader.stopped, self.open = True, False
        reader.queue.clear()
        if reader.parsing is None and not self._held and not reader.broken:
            self.deadline = self.front.clock.now + self.front.settings.send_timeout
            self.transport.close()
            return
        reader.parsing = None
        self._lingering = True
        self._held = 0
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.deadline = self.front.clock.now + LINGER

    def break_off(self, *, reset: bool) -> None:
        """Ends the connection in the middle of an answer; `reset` where a plain end would look whole."""
        self._reader.stopped, self.open = True, False
        self.current = None
        if not self.gone:
            self.deadline = self.front.clock.now + LINGER
            if reset:
                self.transport.abort()
            else:
                self.transport.close()

    def finish_soon(self) -> None:
        """The host stops: no request after the one that is being answered."""
        self.open = False
        if self.current is None and not self._lingering:
            self._reader.stopped = True
            self.transport.close()

    def expired(self) -> None:
        """The deadline passed."""
        self.deadline = NEVER
        current, reader = self.current, self._reader
        if self._lingering or self.full or self.transport.is_closing():
            self.transport.abort()
        elif current is not None and current is reader.parsing:
            current.error = Slow("the body came too slowly")
            reader.stopped = True
            current.more_came()
        elif current is None and reader.in_head:
            reader.refuse(Slow("the head came too slowly"))
            self._serve()
        elif current is None:
            self.transport.close()

    # --- for exchanges ----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Sends a part of an answer; a caller that is gone gets nothing."""
        if not self.gone:
            self.transport.write(data)

    def hold_body(self) -> None:
        """Asks the caller to pause its body, or its side of an upgraded stream."""
        self._hold(_BODY)
        if not self.full:
            self.deadline = NEVER

    def let_body(self) -> None:
        """The body may go on."""
        if self._held & _BODY:
            self._let(_BODY)
            if self._reader.parsing is not None and not self.full:
                self.deadline = self.front.clock.now + self.front.settings.body_timeout

    def hold_for_upgrade(self) -> None:
        """What comes next may be of another protocol: it waits until the function has agreed."""
        self._hold(_UPGRADE)

    def open_tunnel(self, upstream: Upstream, early: bytes) -> None:
        """From now on bytes go through as they are."""
        self.tunnel = upstream
        self.deadline = NEVER
        if early:
            upstream.write(early)
        self._let(_UPGRADE)

    def _hold(self, why: int) -> None:
        if not self._held and not self.gone:
            self.transport.pause_reading()
        self._held |= why

    def _let(self, why: int) -> None:
        if self._held & why:
            self._held &= ~why
            if not self._held and not self.gone:
                self.transport.resume_reading()
