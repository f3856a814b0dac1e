"""One connection from a caller: requests in, answers out, in order."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import httptools

from host.errors import HeadTooLarge, Slow
from host.exchange import Exchange
from host.httpwire import Header
from host.request import RequestHead, check_size
from shared.errors import HouseError, Malformed

if TYPE_CHECKING:
    from host.front import Front
    from host.upstream import Upstream

NEVER = math.inf
LINGER = 3.0  # seconds to let a caller read an answer that came before its request was whole
_BODY, _QUEUE, _TUNNEL = 1, 2, 4  # why reading is held
CHUNK_OVERHEAD = 8  # bytes of chunk framing and extensions that one byte of body may cost


class Client(asyncio.Protocol):
    """Reads requests with httptools, lets one after the other be answered, and keeps the caller's limits.

    `deadline` is when something has to have happened; the front looks at it at each tick. It stands for, in
    turn: the next request (keep-alive), the rest of a head, the next bytes of a body, the reading of an
    answer. It is NEVER while a function works.
    """

    __slots__ = (
        *(
            "_broken",
            "_closing",
            "_fed",
            "_head_bytes",
            "_headers",
            "_held",
            "_in_head",
            "_lingering",
            "_parser",
            "_parsing",
        ),
        *("_queue", "_read", "_serving", "_url"),
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
        self._parser: Any = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[Header] = []
        self._in_head = False
        self._head_bytes = 0
        self._read = 0  # bytes of the read that is being looked at
        self._fed = 0  # bytes of the request body and its framing so far
        self._parsing: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._serving = False
        self._closing = False  # nothing more is read as a request
        self._lingering = False
        self._broken = False  # what came was no request: more of it may be under way
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
        if self._closing:
            return
        self._read = len(data)
        if self._in_head:
            self._head_bytes += len(data)
        elif self._parsing is not None:
            self._fed += len(data)
        self._feed(data)
        if self._in_head or self._parsing is not None:
            self._watch_progress()
        if self.current is None:
            self._serve()
        else:
            self.current.more_came()
        if self._queue and not self._closing:
            self._hold(_QUEUE)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._asked_to_upgrade(data[switch.args[0] :])
        except httptools.HttpParserError as error:
            if not self._closing:
                self._refuse(Malformed(f"the request is not HTTP/1.1 as it should be: {error}"))

    def _watch_progress(self) -> None:
        """Something is unfinished: it must go on soon, and may not be too much."""
        settings = self.front.settings
        parsing = self._parsing
        if self._in_head:
            if self._head_bytes > settings.head_limit and not self._closing:
                self._refuse(HeadTooLarge(f"the head is longer than {settings.head_limit} bytes"))
            elif self.current is None and self.deadline > self.front.clock.now + settings.head_timeout:
                self.deadline = self.front.clock.now + settings.head_timeout
        elif parsing is not None:
            self.deadline = self.front.clock.now + settings.body_timeout
            if parsing.head.chunked and self._fed > settings.head_limit + CHUNK_OVERHEAD * parsing.body_size:
                parsing.error = parsing.error or HeadTooLarge("the chunks have more framing than data")

    def _asked_to_upgrade(self, rest: bytes) -> None:
        """The parser stopped behind a request with an Upgrade field."""
        asked = self._queue[-1] if self._queue else None
        if asked is not None and asked.error is None and asked.head.websocket:
            asked.early = rest
            asked.last = self._closing = True
            self._hold(_TUNNEL)
        elif asked is not None and asked.error is None:
            if rest:
                self._feed(rest)
        else:
            self._closing = True

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
        self.gone, self.open, self._closing = True, False, True
        self.deadline = NEVER
        self.tunnel = None
        self._queue.clear()
        self.front.left(self)
        if self.current is not None and not self.current.caller_gone():
            self.current = None

    # --- httptools' side --------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        headers, url = self._headers, self._url
        self._headers, self._url = [], b""
        self._in_head = False
        if self._closing:
            return
        parser = self._parser
        version = parser.get_http_version()
        head = RequestHead(parser.get_method(), version, parser.should_keep_alive())
        exchange = Exchange(self, head)
        settings = self.front.settings
        try:
            if len(headers) > settings.header_count:
                raise HeadTooLarge(f"a request may have {settings.header_count} header fields")
            if self._head_bytes or self._read > settings.head_limit:
                check_size(headers, settings.head_limit)
            head.read(url, headers, version)
        except HouseError as error:
            exchange.error = error
            exchange.last = True
        if not head.call_id:
            head.call_id = self.front.call_ids.next()
        self._parsing = exchange
        self._fed = 0
        self._queue.append(exchange)

    def on_body(self, data: bytes) -> None:
        if self._parsing is not None:
            self._parsing.body_part(data)

    def on_message_complete(self) -> None:
        exchange = self._parsing
        if exchange is not None:
            exchange.complete = True
            self._parsing = None
            if not self.full:
                self.deadline = NEVER
            self._closing = self._closing or exchange.last

    # --- the order of answers ---------------------------------------------------------------------

    def _serve(self) -> None:
        """Lets the next requests be answered, until one has to wait for a function."""
        if self._serving:
            return
        self._serving = True
        while self._queue and self.current is None and not self.gone and not self.full:
            self.current = exchange = self._queue.popleft()
            self.front.serve(exchange)
        self._serving = False
        if not self._queue:
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
        elif self._queue:
            self._serve()
        else:
            self._await_next()

    def _await_next(self) -> None:
        if not self.full and self.current is None and not self._queue and not self._lingering:
            settings = self.front.settings
            self.deadline = self.front.clock.now + (settings.head_timeout if self._in_head else settings.keep_alive)

    def _refuse(self, error: HouseError) -> None:
        """What came is no request: it is answered in its turn, and nothing after it."""
        if self._parsing is not None:
            self._parsing.error = self._parsing.error or error
            self._parsing.last = True
        else:
            head = RequestHead(b"", "1.1", False)
            head.call_id = self.front.call_ids.next()
            exchange = Exchange(self, head)
            exchange.error = error
            self._queue.append(exchange)
        self._in_head = False
        self._closing = self._broken = True

    # --- ends -------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Closes after the last answer. While a caller still sends, closing would destroy what it has to
        read.
        """
        self._closing, self.open = True, False
        self._queue.clear()
        if self._parsing is None and not self._held and not self._broken:
            self.deadline = self.front.clock.now + self.front.settings.send_timeout
            self.transport.close()
            return
        self._parsing = None
        self._lingering = True
        self._held = 0
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.deadline = self.front.clock.now + LINGER

    def break_off(self, *, reset: bool) -> None:
        """Ends the connection in the middle of an answer; `reset` where a plain end would look whole."""
        self._closing, self.open = True, False
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
            self._closing = True
            self.transport.close()

    def expired(self) -> None:
        """The deadline passed."""
        self.deadline = NEVER
        current = self.current
        if self._lingering or self.full or self.transport.is_closing():
            self.transport.abort()
        elif current is not None and current is self._parsing:
            current.error = Slow("the body came too slowly")
            self._closing = True
            current.more_came()
        elif current is None and self._in_head:
            self._refuse(Slow("the head came too slowly"))
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
            if self._parsing is not None and not self.full:
                self.deadline = self.front.clock.now + self.front.settings.body_timeout

    def open_tunnel(self, upstream: Upstream, early: bytes) -> None:
        """From now on bytes go through as they are."""
        self.tunnel = upstream
        self.deadline = NEVER
        if early:
            upstream.write(early)
        self._let(_TUNNEL)

    def _hold(self, why: int) -> None:
        if not self._held and not self.gone:
            self.transport.pause_reading()
        self._held |= why

    def _let(self, why: int) -> None:
        if self._held & why:
            self._held &= ~why
            if not self._held and not self.gone:
                self.transport.resume_reading()
