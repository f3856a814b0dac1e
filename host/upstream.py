"""One kept connection from the host to a function process: a request out, its answer in, one call at a
time.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import httptools

from host.httpwire import framed

if TYPE_CHECKING:
    from host.calls import Call
    from host.process import Process

HIGH_WATER = 256 * 1024  # bytes of a request's body on their way before the caller is asked to pause


class Upstream(asyncio.Protocol):
    """Reads answers with httptools and hands their parts to its call.

    What happens to the call when this connection ends:

    1. Nothing was sent on it (`begin` says False): the call goes to another process.
    2. Something was sent and no answer came: 502. The function may have done the work; only its caller, or
       the inbox, can tell whether to ask again.
    3. The answer had begun: the caller's answer breaks off as well, so that nobody takes a part for the
       whole.
    """

    __slots__ = (
        *("_complete", "_headers", "_interim", "_keep", "_parser", "_sock"),
        *("call", "heard", "process", "transport"),
    )

    def __init__(self, process: Process, sock: socket.socket) -> None:
        self.process = process
        self.call: Call | None = None
        self.heard = False  # the head of the answer is in
        self.transport: asyncio.Transport = cast(Any, None)
        self._sock = sock
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._complete = False
        self._keep = False  # the connection can take another call after this one
        self._interim = False

    # --- sending ----------------------------------------------------------------------------------

    def begin(self, call: Call, data: bytes) -> bool:
        """Sends the beginning of a request; False when certainly no byte of it reached the process.

        The socket is written to directly: only the kernel's own answer tells whether anything left. The
        transport has nothing queued, since the connection was idle.
        """
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return False
        self.call = call
        if sent != len(data):
            self.transport.write(data[sent:])
        return True

    def write(self, data: bytes) -> None:
        """Sends more of the request, or of an upgraded stream."""
        self.transport.write(data)

    def close(self) -> None:
        """Ends the connection; its call, if any, hears nothing more."""
        self.call = None
        self.transport.abort()

    # --- asyncio's side ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        call = self.call
        if call is None:  # nobody asked: whatever this is, it must not become the next call's answer
            self._drop()
            return
        if call.upgraded:
            call.answer_body(data)
            call.flush()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._switched(call, data[switch.args[0] :])
        except httptools.HttpParserError as error:
            if not self._complete:
                self._lost(f"it does not speak HTTP: {error}")
                return
            self._keep = False
        if self.call is not call:
            return
        if self._complete:
            self._finish(call, self._keep)
        else:
            call.flush()

    def pause_writing(self) -> None:
        if self.call is not None:
            self.call.pause_request()

    def resume_writing(self) -> None:
        if self.call is not None:
            self.call.resume_request()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self in self.process.idle:
            self.process.idle.remove(self)
        call = self.call
        if call is None:
            return
        if self.heard and not call.upgraded and not framed(self._headers):
            self._finish(call, False)  # an answer without a length ends with its connection (RFC 9112, 6.3)
        else:
            # Told after the end is known: the next call must not get a process that is no more.
            self.process.when_its_end_is_known(partial(self._lost, "its process ended"))

    # --- httptools' side --------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            self._keep = False  # bytes behind the answer: nobody asked for them
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        call = self.call
        if call is None or self._complete:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim = True
            call.interim(status, self._headers)
            return
        self.heard = True
        self._keep = self._parser.should_keep_alive()
        call.answer_head(status, self._headers)
        if call.head_only:
            self._complete = True

    def on_body(self, data: bytes) -> None:
        if self.call is not None and not self._complete:
            self.call.answer_body(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif self.heard:
            self._complete = True

    # --- ends -------------------------------------------------------------------------------------

    def _finish(self, call: Call, keep: bool) -> None:
        """The whole answer is in."""
        if call.head_only:
            self._parser = httptools.HttpResponseParser(self)  # the old one waits for a body that never comes
        self.call = None
        self.heard = self._complete = False
        if keep and call.all_sent:
            self.process.keep(self)
        else:
            self.transport.abort()
        call.finished()

    def _switched(self, call: Call, rest: bytes) -> None:
        """The answer was a 101; `rest` speaks the other protocol already."""
        if call.upgraded:
            call.answer_body(rest)
        else:
            self._lost("it switched protocols unasked")

    def _drop(self) -> None:
        if self in self.process.idle:
            self.process.idle.remove(self)
        self.close()

    def _lost(self, why: str) -> None:
        call, self.call = self.call, None
        self.transport.abort()
        if call is not None:
            call.lost(why, answering=self.heard)


async def open_upstream(process: Process) -> Upstream:
    """A new connection to `process`; OSError when it takes none."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(process.path)
        _, protocol = await process.context.loop.create_unix_connection(lambda: Upstream(process, sock), sock=sock)
    except OSError:
        sock.close()
        raise
    return protocol
