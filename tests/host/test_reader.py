"""Reading requests: however the bytes are cut, the answers are the same; whatever they are, nothing breaks."""

from __future__ import annotations

import asyncio
import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from host.client import Client
from host.front import Front
from host.ingress import Ingress
from host.policy import Memory
from host.settings import Clock, Context, Settings

PARTS = [
    b"GET /here HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /here HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD /here HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /here HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /gone HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n",
    b"GET /gone HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"GET /here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /here HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /here HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n",
    b"rubbish\r\n\r\n",
]
STREAMS = st.lists(st.sampled_from(PARTS), max_size=6).map(b"".join)


class Wire:
    """A transport that keeps what is written; one that was closed takes no more."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = self.paused = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after the end"
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return "127.0.0.1", 1


def answers(pieces: list[bytes]) -> list[bytes]:
    """The status of each answer to a stream that comes in these pieces."""
    loop = asyncio.new_event_loop()
    nothing: Any = lambda *_a, **_k: None  # noqa: E731  # for both callbacks
    context = Context(loop, Settings(), Path(), nothing, nothing, Clock(time.monotonic()), Memory(1 << 40, 1))
    front = Front(context, Ingress([]), {}, None, {b"/here": lambda: (200, [], b"here")})
    client, wire = Client(front), Wire()
    client.connection_made(wire)  # type: ignore[arg-type]  # as much of a transport as a client uses
    for piece in pieces:
        if not wire.closed:
            client.data_received(piece)
    loop.close()
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", wire.written)


@given(STREAMS, st.lists(st.integers(0, 600), max_size=12))
@settings(max_examples=300, deadline=None)
def test_the_cuts_between_reads_change_no_answer(stream: bytes, cuts: list[int]) -> None:
    """But one: a refusal that is written before its request is whole is the last answer of its connection."""
    edges = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    whole, cut = answers([stream]), answers(pieces)
    if b"POST" in stream:
        assert cut == whole[: len(cut)]
        assert bool(cut) == bool(whole)
    else:
        assert cut == whole


@given(STREAMS)
@settings(max_examples=200, deadline=None)
def test_each_request_has_one_answer_until_one_ends_the_connection(stream: bytes) -> None:
    wanted = {
        PARTS[0]: b"200", PARTS[1]: b"200", PARTS[2]: b"200", PARTS[3]: b"405", PARTS[4]: b"404", PARTS[5]: b"404",
        PARTS[6]: b"200", PARTS[7]: b"400", PARTS[8]: b"400", PARTS[9]: b"501", PARTS[11]: b"400",
    }  # fmt: skip
    expected, rest = [], stream
    while rest:
        part = next(one for one in PARTS if rest.startswith(one))
        rest = rest[len(part) :]
        if part in wanted:
            expected.append(wanted[part])
        if part in PARTS[6:10] or part == PARTS[11]:
            break
    assert answers([stream]) == expected


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(PARTS)), max_size=6))
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_the_reader(pieces: list[bytes]) -> None:
    assert set(answers(pieces)) <= {b"200", b"400", b"404", b"405", b"431", b"501", b"505"}
