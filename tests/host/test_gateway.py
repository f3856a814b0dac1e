"""Calls through a gateway: what it answers is passed on, and its absence is told apart from a function's failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from host.calls import Response
from host.errors import Unreachable
from host.gateway import Gateway
from shared.errors import TryAgain

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length"))
    return head + await reader.readexactly(length)


def call(serve: Serve, limit: float = 30.0, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """Call function `f` at a server that behaves as a test says."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    async def main() -> Response:
        async with await asyncio.start_server(served, "127.0.0.1", 0) as server:
            gateway = Gateway(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", {"f": limit})
            try:
                return await gateway.call("f", headers, b"body")
            finally:
                await gateway.close()

    return asyncio.run(main())


def test_the_request_goes_to_the_function_and_the_answer_comes_back_whatever_its_status() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await _request(reader))
        writer.write(b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()

    answer = call(serve, headers=((b"authorization", b"Bearer t"),))
    assert (answer.status, answer.body) == (503, b"no")
    assert dict(answer.headers)[b"Retry-After"] == b"7"
    assert asked[0].startswith(b"POST /function/f HTTP/1.1\r\n")
    assert b"authorization: Bearer t" in asked[0]
    assert asked[0].endswith(b"body")


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    """The token must not go where an answer points."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    assert call(serve).status == 307


def test_a_gateway_that_takes_no_connection_is_away() -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        gateway = Gateway(f"http://127.0.0.1:{port}", {"f": 1.0})
        try:
            with pytest.raises(Unreachable, match="does not answer"):
                await gateway.call("f", (), b"")
        finally:
            await gateway.close()

    asyncio.run(main())


def test_a_gateway_that_dies_before_it_answers_is_away() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.transport.abort()

    with pytest.raises(Unreachable):
        call(serve)


def test_a_gateway_that_is_silent_for_longer_than_the_function_may_take_costs_an_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("host.gateway.EXTRA_SECONDS", 0.05)

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the caller hangs up

    with pytest.raises(TryAgain, match="gave no answer") as caught:
        call(serve, limit=0.05)
    assert not isinstance(caught.value, Unreachable)
