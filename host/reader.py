"""What a caller sends, cut into requests: httptools' callbacks, and the limits that it does not have."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import httptools

from host.errors import HeadTooLarge
from host.exchange import Exchange
from host.httpwire import Header
from host.request import RequestHead, check_size
from shared.errors import HouseError, Malformed

if TYPE_CHECKING:
    from host.client import Client

CHUNK_OVERHEAD = 8  # bytes of chunk framing and extensions that one byte of body may cost


class Reader:
    """The requests of one connection, in their order, in `queue`; the last of them may still be `parsing`.

    What is no request becomes one that is refused in its turn, and nothing is read after it (`stopped`).
    """

    __slots__ = (
        *("_client", "_fed", "_head_bytes", "_headers", "_parser", "_read", "_settings", "_url"),
        *("broken", "in_head", "parsing", "queue", "stopped"),
    )

    def __init__(self, client: Client) -> None:
        self.queue: deque[Exchange] = deque()
        self.parsing: Exchange | None = None  # its head is in, its body is not
        self.in_head = False
        self.stopped = False  # nothing more is read as a request
        self.broken = False  # what came was no request: more of it may be under way
        self._client = client
        self._settings = client.front.settings
        self._parser: Any = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[Header] = []
        self._read = 0  # bytes of the read that is being looked at
        self._head_bytes = 0  # bytes of the head in the reads after its first
        self._fed = 0  # bytes of the body and its framing in the reads after its first

    def feed(self, data: bytes) -> None:
        """Reads what came; no error leaves it."""
        self._read = len(data)
        if self.in_head:
            self._head_bytes += len(data)
        elif self.parsing is not None:
            self._fed += len(data)
        self._parse(data)
        if self.in_head:
            if self._head_bytes > self._settings.head_limit:
                self.refuse(HeadTooLarge(f"the head is longer than {self._settings.head_limit} bytes"))
        elif self.parsing is not None:
            self._limit_framing(self.parsing)

    def refuse(self, error: HouseError) -> None:
        """What came is no request: it is answered in its turn, and nothing after it."""
        if self.parsing is not None:
            self.parsing.error = self.parsing.error or error
            self.parsing.last = True
        elif not self.stopped:
            head = RequestHead(b"", "1.1", False)
            head.call_id = self._client.front.call_ids.next()
            exchange = Exchange(self._client, head)
            exchange.error = error
            self.queue.append(exchange)
        self.in_head = False
        self.stopped = self.broken = True

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._asked_to_upgrade(data[switch.args[0] :])
        except httptools.HttpParserError as error:
            if not self.stopped:
                self.refuse(Malformed(f"the request is not HTTP/1.1 as it should be: {error}"))

    def _limit_framing(self, exchange: Exchange) -> None:
        """Chunk extensions and trailers are no body, so the body's limit does not count them."""
        most = self._settings.head_limit + CHUNK_OVERHEAD * exchange.body_size
        if exchange.head.chunked and self._fed > most:
            exchange.error = exchange.error or HeadTooLarge("the chunks have more framing than data")

    def _asked_to_upgrade(self, rest: bytes) -> None:
        """The parser stopped behind a request with an Upgrade field; `rest` may be of another protocol."""
        asked = self.queue[-1] if self.queue else None
        if asked is None or asked.error is not None:
            self.stopped = True
        elif asked.head.websocket:
            asked.early = rest
            asked.last = self.stopped = True
            self._client.hold_for_upgrade()
        elif rest:
            self._parse(rest)

    # --- httptools' side --------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        headers, url = self._headers, self._url
        self._headers, self._url = [], b""
        self.in_head = False
        if self.stopped:
            return
        parser, settings = self._parser, self._settings
        version = parser.get_http_version()
        head = RequestHead(parser.get_method(), version, parser.should_keep_alive())
        exchange = Exchange(self._client, head)
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
            head.call_id = self._client.front.call_ids.next()
        self.parsing = exchange
        self._fed = 0
        self.queue.append(exchange)

    def on_body(self, data: bytes) -> None:
        if self.parsing is not None:
            self.parsing.body_part(data)

    def on_message_complete(self) -> None:
        exchange = self.parsing
        if exchange is not None:
            exchange.complete = True
            self.parsing = None
            self.stopped = self.stopped or exchange.last
