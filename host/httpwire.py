"""The pieces of HTTP/1.1 that both sides of the host write and look for (RFC 9110, RFC 9112)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

Header = tuple[bytes, bytes]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
WITHOUT_BODY = frozenset((204, 304))


# What the host does with a header field. PASS is 0, so that the common case is one test; plain numbers, since they
# are looked at for each field of each request.
PASS: Final = 0
DROP: Final = 1
HOST: Final = 2
CONTENT_LENGTH: Final = 3
TRANSFER_ENCODING: Final = 4
CONNECTION: Final = 5
AUTHORIZATION: Final = 6
CALL_ID: Final = 7
EXPECT: Final = 8
UPGRADE: Final = 9


class Kinds(dict[bytes, int]):
    """Field name as sent -> kind. Learns spellings, so that no name is lowered twice; at most `ROOM` of
    them.
    """

    ROOM = 1024

    def __init__(self, table: Mapping[bytes, int]) -> None:
        super().__init__()
        self._table = dict(table)

    def __missing__(self, name: bytes) -> int:
        kind = self._table.get(name.lower(), PASS)
        if len(self) < self.ROOM:
            self[name] = kind
        return kind


# Fields of one hop (RFC 9110, 7.6.1) are never passed on; what a Connection field names goes as well.
_HOP = {
    **dict.fromkeys((b"keep-alive", b"proxy-connection", b"te", b"trailer"), DROP),
    b"connection": CONNECTION,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"content-length": CONTENT_LENGTH,
    b"upgrade": UPGRADE,
}
REQUEST = Kinds(
    {
        **_HOP,
        # The host says these itself: whoever is outside could say anything.
        **dict.fromkeys((b"forwarded", b"x-real-ip", b"x-start-time", b"proxy-authorization"), DROP),
        **dict.fromkeys((b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"), DROP),
        b"host": HOST,
        b"authorization": AUTHORIZATION,
        b"x-call-id": CALL_ID,
        b"expect": EXPECT,
    }
)
ANSWER = Kinds({**_HOP, b"x-call-id": DROP, b"x-start-time": DROP, b"proxy-authenticate": DROP})


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return b"HTTP/1.1 %d %b\r\n" % (status, phrase.encode())


class _StatusLines(dict[int, bytes]):
    def __missing__(self, status: int) -> bytes:
        line = self[status] = _status_line(status)
        return line


STATUS_LINES = _StatusLines()


def tokens(value: bytes) -> list[bytes]:
    """The members of a comma-separated field, in lower case."""
    return [token for part in value.lower().split(b",") if (token := part.strip())]


def value_of(headers: Iterable[Header], name: bytes) -> bytes | None:
    """The value of the first field of that (lower case) name."""
    return next((value for key, value in headers if key.lower() == name), None)


def framed(headers: Iterable[Header]) -> bool:
    """True when the message says where its body ends, other than by the end of the connection."""
    return any(ANSWER[name] in (CONTENT_LENGTH, TRANSFER_ENCODING) for name, _ in headers)


def without_nominated(headers: list[Header]) -> list[Header]:
    """The fields without those that a Connection field names (RFC 9110, 7.6.1)."""
    named = {token for name, value in headers if name.lower() == b"connection" for token in tokens(value)}
    named -= {b"close", b"keep-alive", b"upgrade"}
    return [(name, value) for name, value in headers if name.lower() not in named] if named else headers


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def request_bytes(method: str, target: str, headers: Iterable[Header], body: bytes) -> bytes:
    """A whole request of the host's own; ValueError when a part of it could be taken for another line."""
    lines = [f"{method} {target} HTTP/1.1\r\n".encode("ascii")]
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    head = b"".join(lines)
    line_ends = 1 + (len(lines) - 1) // 4
    if head.count(b"\n") != line_ends or head.count(b"\r") != line_ends or " " in target:
        raise ValueError("a request target or header field holds a space or a line end")
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


def own_answer(
    status: int, headers: Iterable[Header], body: bytes, *, connection: bytes, head_only: bool = False
) -> bytes:
    """A whole answer of the host's own; `connection` is a Connection field's line or empty."""
    lines = [STATUS_LINES[status], b"date: ", formatdate(usegmt=True).encode(), b"\r\n"]
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    lines += (b"content-length: %d\r\n" % len(body), connection, b"\r\n", b"" if head_only else body)
    return b"".join(lines)
