"""One request of a caller at the door, and its answer: what a call is when HTTP stands on both sides."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from host.calls import Call
from host.errors import MethodNotAllowed, Slow
from host.httpwire import (
    ANSWER,
    CONNECTION,
    CONTENT_LENGTH,
    CONTINUE,
    LAST_CHUNK,
    STATUS_LINES,
    WITHOUT_BODY,
    Header,
    chunk,
    own_answer,
    without_nominated,
)
from host.request import RequestHead
from shared.errors import HouseError, TooLarge
from shared.problems import to_problem

if TYPE_CHECKING:
    from host.client import Client
    from host.pool import Pool

CLOSE = b"connection: close\r\n"
KEEP_ALIVE = b"connection: keep-alive\r\n"
BODY_HELD = 64 * 1024  # bytes of a body that wait for a process before the caller is asked to pause


class Exchange(Call):
    """Between one client connection and one upstream connection.

    A caller that goes away: a call that waits leaves the queue; one whose request is whole and whose answer
    has a length is let finish unseen, so that the process's slot stays taken while it works; any other breaks
    off.
    """

    __slots__ = (
        *("_body", "_chunked", "_client", "_out", "_silent", "_started", "_until_close"),
        *("answering", "body_size", "complete", "early", "error", "head", "last", "target"),
    )

    def __init__(self, client: Client, head: RequestHead) -> None:
        super().__init__()
        self._client = client
        self.head = head
        self.error: HouseError | None = None
        self.target = b""
        self.complete = False  # the whole request is in
        self.last = not head.keep_alive  # the connection ends after the answer
        self.answering = False
        self.early = b""  # what came behind a request to upgrade
        self._body: list[bytes] = []  # parts that are not on their way yet
        self.body_size = 0
        self._out: list[bytes] = []
        self._chunked = self._silent = self._until_close = False
        self._started = 0

    # --- the request, told by the client connection -----------------------------------------------

    def begin(self, pool: Pool) -> None:
        """Its turn has come: asks for a process."""
        self.head_only = self.head.method == b"HEAD"
        self._started = time.time_ns()
        if self.head.expects and not self.complete:
            self._client.write(CONTINUE)
        if self.body_size > BODY_HELD and not self.complete:
            self._client.hold_body()
        self.submit(pool)

    def body_part(self, data: bytes) -> None:
        """More of the body; a chunked one is counted, one with a length was judged before."""
        if self.error is not None:
            return
        self._body.append(data)
        self.body_size += len(data)
        if self.head.chunked and self.body_size > self._client.front.settings.body_limit:
            self._body.clear()
            self.error = too_large(self._client.front.settings.body_limit)

    def more_came(self) -> None:
        """After each read while this is the current exchange: passes on what came."""
        if self.error is not None:
            self._give_up(self.error)
        elif self.connection is not None:
            self._send_body()
        elif self.body_size > BODY_HELD and not self.complete:
            self._client.hold_body()

    def opening(self) -> bytes:
        head, client = self.head, self._client
        parts = [head.method, b" ", self.target, b" HTTP/1.1\r\nhost: ", head.host, b"\r\n", *head.lines]
        parts += (b"x-call-id: ", head.call_id, client.forwarded, head.host)
        if self.complete:
            if self._body or head.length is not None or head.chunked:
                parts.append(b"\r\ncontent-length: %d\r\n\r\n" % self.body_size)
                parts += self._body
            else:
                parts.append(b"\r\n\r\n")
        elif head.chunked:
            parts.append(b"\r\ntransfer-encoding: chunked\r\n\r\n")
            parts += map(chunk, self._body)
        else:
            parts.append(b"\r\ncontent-length: %d\r\n\r\n" % (head.length or 0))
            parts += self._body
        return b"".join(parts)

    def opened(self) -> None:
        self.all_sent = self.complete
        self._body.clear()
        if not self.complete:
            self._client.let_body()

    def _send_body(self) -> None:
        connection = self.connection
        if connection is None or self.all_sent:
            return
        data = b"".join(map(chunk, self._body) if self.head.chunked else self._body)
        self._body.clear()
        if self.complete:
            self.all_sent = True
            data += LAST_CHUNK if self.head.chunked else b""
        if data:
            connection.write(data)

    def pause_request(self) -> None:
        self._client.hold_body()

    def resume_request(self) -> None:
        self._client.let_body()

    def waits_for_caller(self) -> bool:
        return not self.complete or self._client.full

    def caller_too_slow(self) -> None:
        self.abandon()
        if self.answering:
            self.broken_off()
        else:
            self.refuse(Slow("the request, or the reading of its answer, took too long"))

    # --- the answer, told by the upstream connection ----------------------------------------------

    def interim(self, status: int, headers: list[Header]) -> None:
        if status == 101 and self.head.websocket:
            self._switch(headers)
        elif status not in (100, 101) and not self.head.old:
            self._client.write(self._head_bytes(status, headers))

    def _switch(self, headers: list[Header]) -> None:
        self.pool.answered(self, 101)
        lines = self._head_bytes(101, headers)[:-2] + b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n"
        self.upgraded = self.answering = self.last = True
        self._client.write(lines)
        if self.connection is not None:
            self._client.open_tunnel(self.connection, self.early)

    def _head_bytes(self, status: int, headers: list[Header]) -> bytes:
        """A head without framing: of interim answers."""
        lines = [STATUS_LINES[status]]
        for name, value in without_nominated(headers):
            if ANSWER[name] == 0:
                lines += (name, b": ", value, b"\r\n")
        lines += (b"x-call-id: ", self.head.call_id, b"\r\n\r\n")
        return b"".join(lines)

    def answer_head(self, status: int, headers: list[Header]) -> None:
        self.pool.answered(self, status)
        self.answering = True
        out = self._out
        out.append(STATUS_LINES[status])
        length = self._add_fields(out, headers)
        out += (b"x-call-id: ", self.head.call_id, b"\r\nx-start-time: %d\r\n" % self._started)
        self._frame(out, status, length)
        if not (self.complete and self._client.open):
            self.last = True
        if self.last or self.head.old:
            out.append(CLOSE if self.last else KEEP_ALIVE)
        out.append(b"\r\n")
        if self._client.gone and length is None:
            self.abandon()

    def _add_fields(self, out: list[bytes], headers: list[Header]) -> bytes | None:
        """Adds the fields that travel; the Content-Length, which the framing decides about, is returned."""
        length: bytes | None = None
        for name, value in headers:
            kind = ANSWER[name]
            if kind == 0:
                out += (name, b": ", value, b"\r\n")
            elif kind == CONTENT_LENGTH:
                length = value
            elif kind == CONNECTION and len(left := without_nominated(headers)) < len(headers):
                del out[1:]
                return self._add_fields(out, [one for one in left if ANSWER[one[0]] != CONNECTION])
        return length

    def _frame(self, out: list[bytes], status: int, length: bytes | None) -> None:
        """How the caller will know where the body ends."""
        if self.head_only or status in WITHOUT_BODY:
            self._silent = True
        if length is not None:
            if status != 204:
                out += (b"content-length: ", length, b"\r\n")
        elif self._silent:
            return
        elif self.head.old:
            self._until_close = self.last = True
        else:
            self._chunked = True
            out.append(b"transfer-encoding: chunked\r\n")

    def answer_body(self, data: bytes) -> None:
        if self._chunked:
            self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        elif not self._silent:
            self._out.append(data)

    def flush(self) -> None:
        out = self._out
        if out:
            self._client.write(b"".join(out))
            out.clear()

    def ended(self) -> None:
        if self._chunked:
            self._out.append(LAST_CHUNK)
        self.flush()
        self._client.done(self)

    def failed(self, error: HouseError) -> None:
        self.refuse(error)

    def lost(self, why: str, *, answering: bool) -> None:
        super().lost(why, answering=answering or self.upgraded)

    def broken_off(self) -> None:
        """Nothing may be added: the caller has to see that the answer is not whole."""
        self.flush()
        self._client.break_off(reset=self._until_close)

    # --- answers of the door's own ----------------------------------------------------------------

    def _give_up(self, error: HouseError) -> None:
        self.abandon()
        if self.answering:
            self.broken_off()
        else:
            self.refuse(error)

    def refuse(self, error: HouseError) -> None:
        """The door's own no."""
        status, headers, body = to_problem(error)
        if isinstance(error, MethodNotAllowed):
            headers.append(("allow", ", ".join(error.allow)))
        self.answer_own(status, [(name.encode(), value.encode("latin-1")) for name, value in headers], body)

    def answer_own(self, status: int, headers: list[Header], body: bytes) -> None:
        """Answers without any function; a request that is not whole costs the connection."""
        if not (self.complete and self._client.open):
            self.last = True
        connection = CLOSE if self.last else KEEP_ALIVE if self.head.old else b""
        headers = [*headers, (b"x-call-id", self.head.call_id)]
        only_head = self.head.method == b"HEAD"
        self._client.write(own_answer(status, headers, body, connection=connection, head_only=only_head))
        self._client.done(self)

    def caller_gone(self) -> bool:
        """The caller hung up; True when the function is let finish what it does."""
        if self.connection is not None and self.all_sent and not self._chunked and not self.upgraded:
            return not self._until_close
        self.abandon()
        return False


def too_large(limit: int) -> TooLarge:
    """The 413 of the door."""
    return TooLarge(f"a body may have {limit} bytes at most")
