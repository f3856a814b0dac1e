"""Reads the head of a request as strictly as a door should, into what will be written to the function.

httptools (llhttp in its strict mode) has refused already: Content-Length beside Transfer-Encoding, two of
either, lengths that are not digits, bare line feeds, folded lines, control characters, names that are no
tokens. What it lets pass and a door must not is refused here: no Host or two, a Host that is none, too many
or too long fields, codings other than chunked, bodies on upgrades, HTTP/0.9 and 2.0 request lines.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from host.errors import BadVersion, HeadTooLarge, Unsupported
from host.httpwire import (
    AUTHORIZATION,
    CALL_ID,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    REQUEST,
    TRANSFER_ENCODING,
    UPGRADE,
    Header,
    tokens,
    without_nominated,
)
from shared.errors import Malformed, NotFound

LONGEST_TARGET = 8 * 1024
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_CALL_ID = re.compile(rb"[A-Za-z0-9._:-]{8,128}")
_PLAIN_CONNECTION = ([b"close"], [b"keep-alive"])
_KNOWN_HOSTS: Final[set[bytes]] = set()
_ROOM_FOR_HOSTS = 256


class RequestHead:
    """One request's head. `lines` holds the fields to pass on, ready to be joined; `length` is None without a
    Content-Length; `target` is what the function will see as its request target."""

    __slots__ = (
        *("authorization", "call_id", "chunked", "expects", "host", "keep_alive", "length", "lines"),
        *("method", "old", "path", "query", "websocket"),
    )

    def __init__(self, method: bytes, version: str, keep_alive: bool) -> None:
        self.method = method
        self.keep_alive = keep_alive
        self.old = version != "1.1"
        self.path = self.query = self.host = b""
        self.lines: list[bytes] = []
        self.length: int | None = None
        self.authorization: bytes | None = None
        self.call_id = b""
        self.chunked = self.expects = self.websocket = False

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.length)

    def read(self, url: bytes, headers: list[Header], version: str) -> None:
        """Fills the head from what the parser saw; raises Malformed and its kin."""
        if version not in ("1.1", "1.0"):
            raise BadVersion("the door speaks HTTP/1.1")
        self._read_target(url)
        upgrade, hosts, nominates = b"", 0, False
        lines = self.lines
        for name, value in headers:
            kind = REQUEST[name]
            if kind == 0:
                lines += (name, b": ", value, b"\r\n")
            elif kind == HOST:
                hosts += 1
                host = _host(value)
                self.host = self.host or host
            elif kind == AUTHORIZATION:
                if self.authorization is not None:
                    raise Malformed("there are two Authorization fields")
                self.authorization = value
                lines += (name, b": ", value, b"\r\n")
            elif kind == UPGRADE:
                upgrade = value
            elif kind == CONNECTION:
                nominates = nominates or tokens(value) not in _PLAIN_CONNECTION
            else:
                self._read_field(kind, value)
        if nominates:
            self._drop_nominated(headers)
        if hosts != 1 and (hosts > 1 or not self.old):
            raise Malformed("a request needs exactly one Host field")
        if upgrade:
            self._read_upgrade(upgrade, headers)

    def _read_target(self, url: bytes) -> None:
        if len(url) > LONGEST_TARGET:
            raise HeadTooLarge(f"the request target is longer than {LONGEST_TARGET} bytes")
        if self.method == b"CONNECT":
            raise Unsupported("the door opens no tunnels")
        if b"#" in url:
            raise Malformed("a request target has no fragment")
        if url[:1] != b"/":
            url = self._from_absolute(url)
        self.path, mark, query = url.partition(b"?")
        self.query = mark + query

    def _from_absolute(self, url: bytes) -> bytes:
        """The form that proxies get, which servers must take too; its host counts (RFC 9112, 3.2.2)."""
        match = _ABSOLUTE.fullmatch(url)
        if match is None:
            raise NotFound("nothing is served at this target")
        self.host = _host(match[1])
        return match[2] if match[2].startswith(b"/") else b"/" + match[2]

    def _drop_nominated(self, headers: list[Header]) -> None:
        """Does without the fields that a Connection field names."""
        left = without_nominated(headers)
        if len(left) < len(headers):
            passed = (field for field in left if REQUEST[field[0]] in (0, AUTHORIZATION))
            self.lines = [part for name, value in passed for part in (name, b": ", value, b"\r\n")]

    def _read_field(self, kind: int, value: bytes) -> None:
        """The rarer fields."""
        if kind == CONTENT_LENGTH:
            self.length = int(value)
        elif kind == TRANSFER_ENCODING:
            if self.old or value.strip().lower() != b"chunked":
                raise Unsupported("the only transfer coding is chunked, and of HTTP/1.1")
            self.chunked = True
        elif kind == CALL_ID:
            self.call_id = value if _CALL_ID.fullmatch(value) else b""
        elif kind == EXPECT:
            if value.lower() != b"100-continue":
                raise Unsupported("the only expectation is 100-continue")
            self.expects = not self.old

    def _read_upgrade(self, upgrade: bytes, headers: list[Header]) -> None:
        """A WebSocket is passed on; any other protocol is declined by answering in this one (RFC 9110,
        7.8).
        """
        asked = any(b"upgrade" in tokens(value) for name, value in headers if REQUEST[name] == CONNECTION)
        if not asked:
            return
        if self.has_body:
            raise Malformed("a request that asks to upgrade has no body here")
        if upgrade.strip().lower() == b"websocket" and not self.old:
            self.websocket = True
            self.lines += (b"connection: Upgrade\r\nupgrade: websocket\r\n",)


def _host(value: bytes) -> bytes:
    """A checked Host; the spellings seen are kept, since there are few."""
    value = value.strip()
    if value not in _KNOWN_HOSTS:
        if not _HOST.fullmatch(value):
            raise Malformed("the Host field is not a host")
        if len(_KNOWN_HOSTS) < _ROOM_FOR_HOSTS:
            _KNOWN_HOSTS.add(value)
    return value


def check_size(headers: list[Header], limit: int) -> None:
    """Raises HeadTooLarge when the fields together are longer than `limit` bytes."""
    if sum(len(name) + len(value) + 4 for name, value in headers) > limit:
        raise HeadTooLarge(f"the header fields are longer than {limit} bytes together")


class CallIds:
    """UUIDs of version 8 (RFC 9562, 5.8): random per host process, then counted.

    A random UUID for each call would cost a system call; nothing here needs one that cannot be guessed.
    """

    def __init__(self) -> None:
        text = secrets.token_hex(8)
        self._prefix = f"{text[:8]}-{text[8:12]}-8{text[12:15]}-{'89ab'[int(text[15], 16) % 4]}".encode()
        self._tail = secrets.token_hex(2)[:3].encode()
        self._count = 0

    def next(self) -> bytes:
        """One more, as text."""
        self._count += 1
        return b"%b%b-%012x" % (self._prefix, self._tail, self._count)
