"""The front door, spoken to over raw sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from typing import Any

import pytest

from host.ingress import Route
from shared.errors import Unauthenticated
from tests.host.world import Answer, Gate, MakeWorld, World, dead, function, request

pytestmark = pytest.mark.anyio

KB, MB = 1024, 1024 * 1024


async def raw(world: World, data: bytes) -> Answer:
    """The answer to some bytes, and that the connection ends after it."""
    caller = await world.caller()
    caller.send(data)
    answer = await caller.answer()
    assert await caller.rest() == b""
    return answer


def post(target: str, *lines: str, body: bytes = b"") -> bytes:
    return request(target, *lines, method="POST", body=body)


# --- what is refused ------------------------------------------------------------------------------

H = b"Host: a\r\n"
POST = b"POST /function/one HTTP/1.1\r\n" + H
SMUGGLED = b"GET /function/one/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(
            POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="both lengths"
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, id="both, turned"
        ),
        pytest.param(POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, id="two lengths"),
        pytest.param(POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, id="two equal lengths"),
        pytest.param(POST + b"Content-Length: +3\r\n\r\nabc", 400, id="length with a sign"),
        pytest.param(POST + b"Content-Length: 3, 3\r\n\r\nabc", 400, id="length list"),
        pytest.param(POST + b"Content-Length: 0x3\r\n\r\nabc", 400, id="length in hex"),
        pytest.param(POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400, id="length overflow"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, id="unknown coding"),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, id="gzip coding"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, id="two codings"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, id="chunk size no hex"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 400, id="chunk with bare LF"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, id="host with a space"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400, id="folded line"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", 400, id="bare LF"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, id="one bare LF"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, id="bare CR"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400, id="NUL"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, id="space before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX(y): 1\r\n\r\n", 400, id="name is no token"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", 400, id="empty name"),
        pytest.param(b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400, id="HTTP/1.2"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, id="HTTP/2.0"),
        pytest.param(b"GET /\r\n\r\n", 505, id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="HTTP/2 preface"),
        pytest.param(b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="unknown method"),
        pytest.param(b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="method in small letters"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501, id="CONNECT"),
        pytest.param(b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="fragment"),
        pytest.param("GET /é HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 400, id="target not ASCII"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", 400, id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 100 + b"\r\n", 431, id="101 fields"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 33 * KB + b"\r\n\r\n", 431, id="33 KiB of fields"),
        pytest.param(b"GET /" + b"x" * 9 * KB + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431, id="9 KiB of target"),
        pytest.param(
            b"POST /function/one HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
            b"Content-Length: 51\r\n\r\n" + SMUGGLED,
            400,
            id="upgrade with a body",
        ),
        pytest.param(
            b"POST /function/one HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
            501,
            id="chunks in HTTP/1.0",
        ),
    ],
)
async def test_what_is_not_strictly_http_is_refused_and_nothing_wakes(
    world: MakeWorld, data: bytes, status: int
) -> None:
    one = await world()
    answer = await raw(one, data)
    assert answer.status == status
    assert answer.header("content-type") == "application/problem+json"
    assert json.loads(answer.body)["status"] == status
    assert one.told.of("woke") == []
    assert one.host.snapshot()["one"]["waiting"] == 0


async def test_a_head_that_never_ends_is_refused(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    answer = asyncio.create_task(caller.answer())
    while not answer.done():
        caller.send(b"x" * 4 * KB)
        await asyncio.wait([answer], timeout=0.001)
    assert (await answer).status == 431


async def test_trailers_without_end_are_refused(world: MakeWorld) -> None:
    """They are no body, so the body limit does not count them."""
    one = await world()
    caller = await one.caller()
    caller.send(post("/function/one", "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n")
    answer = asyncio.create_task(caller.answer())
    while not answer.done():
        caller.send(b"X: " + b"x" * 4 * KB + b"\r\n")
        await asyncio.wait([answer], timeout=0.001)
    assert (await answer).status == 431


# --- the door: routes and tokens ------------------------------------------------------------------

ROUTES = (
    Route("GET", "/tasks/{task_id}", "one", False),
    Route("POST", "/tasks", "one", False),
    Route("POST", "/auth/login", "one", True),
)


def only_good(token: bytes) -> object:
    if token != b"good":
        raise Unauthenticated("this token is not known")
    return token


@pytest.mark.parametrize(
    ("method", "target", "lines", "status"),
    [
        ("GET", "/tasks/1", [], 401),
        ("GET", "/tasks/1", ["Authorization: Bearer bad"], 401),
        ("GET", "/tasks/1", ["Authorization: Basic good"], 401),
        ("GET", "/tasks/1", ["Authorization: Bearer"], 401),
        ("GET", "/tasks/1", ["Authorization: bearer good"], 200),
        ("POST", "/auth/login", [], 200),
        ("GET", "/function/one", [], 401),
        ("GET", "/function/one", ["Authorization: Bearer good"], 200),
        ("GET", "/function/open", [], 200),
        ("GET", "/nothing", [], 404),
        ("GET", "/tasks/1/2", [], 404),
        ("GET", "/tasks/", [], 404),
        ("DELETE", "/tasks", [], 405),
        ("GET", "/function/none", [], 404),
        ("GET", "/function/", [], 404),
        ("GET", "/function/one.other-namespace", [], 404),
        ("POST", "/healthz", [], 405),
        ("OPTIONS", "*", [], 404),
    ],
)
async def test_who_may_pass_to_what(world: MakeWorld, method: str, target: str, lines: list[str], status: int) -> None:
    one = await world(function("one"), function("open", public=True), routes=ROUTES, authenticate=only_good)
    answer = await one.get(target, *lines, method=method)
    assert answer.status == status
    if status == 401:
        assert (answer.header("www-authenticate") or "").startswith("Bearer")
    if status != 200:
        assert one.told.of("woke") == []


async def test_a_known_path_says_its_methods(world: MakeWorld) -> None:
    one = await world(routes=ROUTES)
    answer = await one.get("/tasks/1", method="POST")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")


async def test_a_refusal_keeps_the_connection_for_the_next_request(world: MakeWorld) -> None:
    one = await world(routes=ROUTES, authenticate=only_good)
    caller = await one.caller()
    for target, lines, status in (
        ("/no", [], 404),
        ("/tasks/1", [], 401),
        ("/tasks/1", ["Authorization: Bearer good"], 200),
    ):
        caller.send(request(target, *lines))
        assert (await caller.answer()).status == status


async def test_what_the_function_sees(world: MakeWorld) -> None:
    """The raw target, the fields that travel, and what the host adds; Authorization as it came."""
    one = await world(routes=ROUTES, authenticate=only_good)
    answer = await one.get(
        "/tasks/%2e%2e?a=%20b&c",
        "Authorization: Bearer good",
        "X-Forwarded-For: 6.6.6.6",
        "Connection: keep-alive, X-Hop",
        "X-Hop: 1",
        "X-Call-Id: 0f8fad5b-d9cb-469f-a165-70867728950e",
        "X-Kept: two  words",
    )
    seen = json.loads(answer.body)
    assert seen["url"] == "/tasks/%2e%2e?a=%20b&c"
    assert dict(seen["headers"]) == {
        "host": "test",
        "Authorization": "Bearer good",
        "X-Kept": "two  words",
        "x-call-id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "test",
    }
    assert answer.header("x-call-id") == "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert int(answer.header("x-start-time") or 0) > 1.7e18  # nanoseconds since 1970


async def test_the_path_of_a_direct_call_is_stripped(world: MakeWorld) -> None:
    one = await world()
    for target, seen in (
        ("/function/one", "/"),
        ("/function/one?a=b", "/?a=b"),
        ("/function/one/", "/"),
        ("/function/one.openfaas-fn/x//y%2f?z", "/x//y%2f?z"),
    ):
        assert json.loads((await one.get(target)).body)["url"] == seen


async def test_the_host_answers_its_own_paths(world: MakeWorld) -> None:
    one = await world(local={b"/about": lambda: (200, [(b"content-type", b"text/plain")], b"mine")})
    assert (await one.get("/healthz")).body == b"ok\n"
    assert (await one.get("/about")).body == b"mine"
    assert (await one.get("/about", method="HEAD")).header("content-length") == "4"


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 100 * KB, 3 * MB])
async def test_bodies_arrive_whole(world: MakeWorld, size: int) -> None:
    one = await world()
    body = os.urandom(size)
    answer = await one.get("/function/one", method="POST", body=body)
    assert json.loads(answer.body)["body"].encode("latin-1") == body


async def test_chunked_bodies_arrive_whole_in_pieces(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(post("/function/one", "Transfer-Encoding: chunked"))
    for part in (b"first ", b"second ", b"third"):
        caller.send(b"%x;ext=1\r\n%b\r\n" % (len(part), part))
        await asyncio.sleep(0)
    caller.send(b"0\r\nX-Trailer: dropped\r\n\r\n")
    seen = json.loads((await caller.answer()).body)
    assert seen["body"] == "first second third"
    assert "X-Trailer" not in dict(seen["headers"])


async def test_a_body_beyond_the_limit_is_refused_by_its_length(world: MakeWorld) -> None:
    """10 MB: refused before anything wakes, and the caller can read why although it goes on sending."""
    one = await world()
    caller = await one.caller()
    caller.send(post("/function/one", "Content-Length: 10000000"))
    answer = await caller.answer()
    assert (answer.status, answer.header("connection")) == (413, "close")
    caller.send(b"x" * 10_000_000)
    assert one.told.of("woke") == []


async def test_a_caller_that_sends_10_mb_at_once_reads_its_413(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one", method="POST", body=b"x" * 10_000_000))
    assert (await caller.answer()).status == 413


async def test_a_chunked_body_beyond_the_limit_is_refused_while_it_comes(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(post("/function/one", "Transfer-Encoding: chunked"))
    answer = asyncio.create_task(caller.answer())
    for _ in range(100):
        caller.send(b"%x\r\n%b\r\n" % (64 * KB, b"x" * 64 * KB))
        await asyncio.wait([answer], timeout=0.01)
        if answer.done():
            break
    assert (await answer).status == 413
    assert (await one.get("/function/one")).status == 200


async def test_a_request_that_expects_100_gets_it_or_the_refusal(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(post("/function/one", "Expect: 100-continue", "Content-Length: 2"))
    assert (await caller.answer()).status == 100
    caller.send(b"ok")
    seen = json.loads((await caller.answer()).body)
    assert (seen["body"], "Expect" in dict(seen["headers"])) == ("ok", False)
    caller.send(post("/function/one", "Expect: 100-continue", "Content-Length: 10000000"))
    assert (await caller.answer()).status == 413


async def test_a_body_waits_at_the_caller_while_the_function_does_not_read(world: MakeWorld, gate: Gate) -> None:
    """Back-pressure, request side: of 3 MB only what the buffers hold leaves the caller."""
    one = await world()
    caller = await one.caller()
    caller.send(request(f"/function/one/sip?until={gate.path}", method="POST", body=b"x" * 3 * MB))
    await one.told.line("sipping")
    (client,) = one.host.front.clients
    await one.told.until(lambda: not client.transport.is_reading())
    gate.open()
    assert (await caller.answer()).body == str(3 * MB).encode()


async def test_an_answer_waits_at_the_function_while_the_caller_does_not_read(world: MakeWorld) -> None:
    """Back-pressure, answer side: of 64 MB only what the buffers hold leaves the function."""
    one = await world()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KB)
    await asyncio.get_running_loop().sock_connect(_nonblocking(listener), ("127.0.0.1", one.port))
    await asyncio.get_running_loop().sock_sendall(listener, request("/function/one/stream?count=1024&size=65536"))
    await one.told.line("sent")
    (client,) = one.host.front.clients
    await one.told.until(lambda: client.full)
    (call,) = one.host.pools["one"].ready[0].calls
    assert call.connection is not None
    assert not call.connection.transport.is_reading()
    received = 0
    while received < 1024 * 65536:
        received += len(await asyncio.get_running_loop().sock_recv(listener, MB))
    listener.close()
    assert len(one.told.lines) == 1024


def _nonblocking(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    return sock


# --- answers --------------------------------------------------------------------------------------


def scripted(answer: bytes, then: str = "") -> bytes:
    """A request to a function that answers with these very bytes."""
    return post(f"/function/one/raw?then={then}", body=answer)


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, b""),
        (b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", 299, b""),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            103,
            b"",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    ],
)
async def test_answers_are_framed_anew(world: MakeWorld, said: bytes, status: int, body: bytes) -> None:
    one = await world()
    caller = await one.caller()
    for _ in range(2):
        caller.send(scripted(said))
        answer = await caller.answer()
        assert (answer.status, answer.body) == (status, body)
        if status == 103:
            assert (await caller.answer()).body == b"hi"


async def test_an_answer_that_ends_with_its_connection_is_passed_on_in_chunks(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(scripted(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "close"))
    answer = await caller.answer()
    assert (answer.header("transfer-encoding"), answer.body) == ("chunked", b"until the end")


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-x\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
)
async def test_a_function_that_does_not_answer_in_http_gives_502(world: MakeWorld, said: bytes) -> None:
    one = await world()
    assert (await one.get("/function/one/raw", method="POST", body=said)).status == 502


async def test_bytes_behind_an_answer_never_become_the_next_one(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    for _ in range(3):
        caller.send(scripted(said + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"))
        assert (await caller.answer()).body == b"hi"
    assert (await one.get("/function/one")).status == 200


async def test_hop_by_hop_fields_of_an_answer_stay_behind(world: MakeWorld) -> None:
    one = await world()
    said = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: 5\r\nX-Call-Id: forged\r\n"
        b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
    )
    answer = await one.get("/function/one/raw", method="POST", body=said)
    names = [name for name, _ in answer.headers]
    assert sorted(names) == ["content-length", "set-cookie", "set-cookie", "x-call-id", "x-start-time"]
    assert answer.header("x-call-id") != "forged"


async def test_head_has_the_head_of_get_and_no_body(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    for _ in range(2):
        caller.send(request("/function/one", method="HEAD"))
        answer = await caller.answer(head_only=True)
        assert int(answer.header("content-length") or 0) > 100
    caller.send(request("/function/one"))
    assert (await caller.answer()).status == 200


async def test_an_old_caller_is_answered_in_its_way(world: MakeWorld) -> None:
    """HTTP/1.0: the connection ends, unless it asks to be kept; no chunks."""
    one = await world()
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    caller = await one.caller()
    caller.send(request("/function/one", "Connection: keep-alive", version="1.0"))
    assert (await caller.answer()).header("connection") == "keep-alive"
    caller.send(request("/function/one/raw", version="1.0", method="POST", body=chunked))
    answer = await caller.answer()
    assert (answer.header("connection"), answer.header("transfer-encoding")) == ("close", None)
    assert answer.body == b"hi"


async def test_the_last_request_of_a_connection_ends_it(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one", "Connection: close") + request("/function/one"))
    answer = await caller.answer()
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert await caller.rest() == b""


async def test_an_early_answer_ends_the_connection_and_the_rest_of_the_body_is_not_read(
    world: MakeWorld,
) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(post("/function/one/early", "Content-Length: 1000") + b"x")
    answer = await caller.answer()
    assert (answer.status, answer.body, answer.header("connection")) == (409, b"enough", "close")
    assert (await one.get("/function/one")).status == 200


# --- many requests on one connection --------------------------------------------------------------


async def test_pipelined_requests_are_answered_in_order(world: MakeWorld, gate: Gate) -> None:
    one = await world(routes=ROUTES)
    caller = await one.caller()
    targets = [f"/function/one/hold?until={gate.path}", "/function/one/a", "/nothing", "/function/one/b"]
    caller.send(b"".join(request(target) for target in targets) + post("/function/one/c", body=b"body"))
    await one.told.line("holding")
    assert one.host.snapshot()["one"]["in_flight"] == 1
    gate.open()
    answers = [await caller.answer() for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 404, 200, 200]
    assert [json.loads(answers[index].body)["url"] for index in (1, 3, 4)] == ["/a", "/b", "/c"]


async def test_a_thousand_pipelined_requests_in_pieces_of_any_size(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    data = b"".join(post(f"/function/one/{number}", body=b"x" * (number % 7)) for number in range(1000))
    sender = asyncio.create_task(_in_pieces(caller.writer, data))
    for number in range(1000):
        seen = json.loads((await caller.answer()).body)
        assert (seen["url"], seen["body"]) == (f"/{number}", "x" * (number % 7))
    await sender


async def _in_pieces(writer: asyncio.StreamWriter, data: bytes) -> None:
    at, size = 0, 1
    while at < len(data):
        writer.write(data[at : at + size])
        await writer.drain()
        at, size = at + size, size * 3 % 4099 or 1


async def test_a_pipelined_request_whose_body_comes_later(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one/a") + post("/function/one/b", "Content-Length: 4") + b"bo")
    assert json.loads((await caller.answer()).body)["url"] == "/a"
    caller.send(b"dy")
    assert json.loads((await caller.answer()).body)["body"] == "body"


async def test_rubbish_behind_a_request_is_refused_after_its_answer(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one") + b"rubbish\r\n\r\n")
    assert (await caller.answer()).status == 200
    assert (await caller.answer()).status == 400
    assert await caller.rest() == b""


# --- slow callers and callers that go -------------------------------------------------------------


async def test_a_slow_head_is_told_408(world: MakeWorld) -> None:
    """Slow loris: the time counts from the first byte, however many more come."""
    one = await world(settings={"head_timeout": 0.2})
    caller = await one.caller()
    answer = asyncio.create_task(caller.answer())
    caller.send(b"GET / HTTP/1.1\r\n")
    while not answer.done():
        caller.send(b"X: y\r\n")
        await asyncio.wait([answer], timeout=0.02)
    assert (await answer).status == 408
    assert await caller.rest() == b""


async def test_a_body_that_stops_is_told_408(world: MakeWorld) -> None:
    one = await world(settings={"body_timeout": 0.1})
    caller = await one.caller()
    caller.send(post("/function/one", "Content-Length: 10") + b"x")
    assert (await caller.answer()).status == 408
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 0)
    assert one.told.of("killed") == []


async def test_a_caller_that_is_slow_for_as_long_as_a_call_may_last_costs_no_process(
    world: MakeWorld,
) -> None:
    one = await world(function(timeout=0.3))
    caller = await one.caller()
    caller.send(post("/function/one", "Content-Length: 1000"))
    answer = asyncio.create_task(caller.answer())
    while not answer.done():
        caller.send(b"x")
        await asyncio.wait([answer], timeout=0.02)
    assert (await answer).status == 408
    assert one.told.of("killed") == []


async def test_an_idle_connection_is_closed(world: MakeWorld) -> None:
    one = await world(settings={"keep_alive": 0.1})
    caller = await one.caller()
    caller.send(request("/function/one"))
    await caller.answer()
    assert await caller.rest() == b""


async def test_a_connection_that_says_nothing_is_closed(world: MakeWorld) -> None:
    one = await world(settings={"head_timeout": 0.1})
    assert await (await one.caller()).rest() == b""


async def test_a_caller_that_does_not_read_is_cut_off(world: MakeWorld) -> None:
    one = await world(settings={"send_timeout": 0.2})
    caller = await one.caller(limit=1024)
    caller.send(request("/function/one/stream?count=1024&size=65536"))
    await one.told.until(lambda: not one.host.front.clients)
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 0)


async def test_a_caller_that_goes_while_it_waits_leaves_the_queue(world: MakeWorld, gate: Gate) -> None:
    one = await world(function(concurrency=1, maximum=1))
    held, waits = await one.caller(), await one.caller()
    held.send(request(f"/function/one/hold?until={gate.path}"))
    await one.told.line("holding")
    waits.send(request("/function/one"))
    await one.told.until(lambda: one.host.snapshot()["one"]["waiting"] == 1)
    waits.close()
    await one.told.until(lambda: one.host.snapshot()["one"]["waiting"] == 0)
    gate.open()
    assert (await held.answer()).body == b"held"


async def test_a_caller_that_goes_while_the_function_works_leaves_the_slot_taken(world: MakeWorld, gate: Gate) -> None:
    """The function works on; its concurrency limit would not hold if the slot were given away."""
    one = await world()
    caller = await one.caller()
    caller.send(request(f"/function/one/hold?until={gate.path}"))
    await one.told.line("holding")
    caller.close()
    await one.told.until(lambda: not one.host.front.clients)
    assert one.host.snapshot()["one"]["in_flight"] == 1
    gate.open()
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 0)
    assert len(one.host.pools["one"].ready[0].idle) == 1


async def test_a_caller_that_leaves_an_endless_answer_ends_it(world: MakeWorld) -> None:
    """Server-sent events: each comes at once, and the function learns that nobody listens."""
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one/events"))
    status, headers = await caller.head()
    assert (status, dict(headers)["content-type"]) == (200, "text/event-stream")
    assert await anext(caller.chunks()) == b"data: first\n\n"
    caller.close()
    await one.told.line("nobody listens")
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 0)


async def test_a_caller_that_goes_in_the_middle_of_its_body(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(post("/function/one", "Content-Length: 1000") + b"x" * 500)
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 1)
    caller.close()
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 0)
    assert (await one.get("/function/one")).status == 200


async def test_too_many_connections_are_told_so(world: MakeWorld) -> None:
    one = await world(settings={"connections": 1})
    await one.caller()
    await one.told.until(lambda: len(one.host.front.clients) == 1)
    second = await one.caller()
    assert (await second.answer()).status == 503
    assert await second.rest() == b""


# --- functions that go ----------------------------------------------------------------------------


async def test_a_function_that_dies_while_it_is_sent_a_body_gives_502(world: MakeWorld, gate: Gate) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(post(f"/function/one/sip?until={gate.path}", "Content-Length: 1000") + b"x")
    await one.told.line("sipping")
    os.kill((await one.told.wait("woke"))["pid"], signal.SIGKILL)
    assert (await caller.answer()).status == 502


async def test_an_answer_in_chunks_that_breaks_off_is_not_ended(world: MakeWorld) -> None:
    """Without its last chunk the caller knows that it is not whole."""
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one/events"))
    await caller.head()
    assert await anext(caller.chunks()) == b"data: first\n\n"
    os.kill((await one.told.wait("woke"))["pid"], signal.SIGKILL)
    assert await caller.rest() == b""


# --- upgrades -------------------------------------------------------------------------------------

UPGRADE = ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhl")


async def test_a_websocket_passes_both_ways(world: MakeWorld) -> None:
    one = await world(function(timeout=0.2))
    caller = await one.caller()
    caller.send(request("/function/one/switch", *UPGRADE) + b"early ")
    status, headers = await caller.head()
    fields = dict(headers)
    assert (status, fields["upgrade"], fields["connection"].lower()) == (101, "websocket", "upgrade")
    assert fields["x-key"] == "1"
    assert await caller.reader.readexactly(11) == b"HELLOEARLY "
    big = os.urandom(300 * KB).hex().encode()
    caller.send(big)
    assert await caller.reader.readexactly(len(big)) == big.upper()
    since = one.host.pools["one"].ready[0]
    await one.told.until(lambda: next(iter(since.calls)).since + 0.3 < one.host.front.clock.now)
    caller.send(b"still here")  # an upgraded stream may last longer than a call
    assert await caller.reader.readexactly(10) == b"STILL HERE"
    caller.close()
    await one.told.line("tunnel closed")
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 0)


async def test_a_tunnel_ends_with_its_function(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one/switch", *UPGRADE))
    await caller.head()
    assert await caller.reader.readexactly(5) == b"HELLO"
    os.kill((await one.told.wait("woke"))["pid"], signal.SIGKILL)
    assert await caller.rest() == b""


async def test_a_function_may_decline_a_websocket(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one", *UPGRADE))
    answer = await caller.answer()
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert dict(json.loads(answer.body)["headers"])["connection"] == "Upgrade"


async def test_another_upgrade_is_answered_without_it(world: MakeWorld) -> None:
    """RFC 9110, 7.8: a server may ignore the field; the next request is read as ever."""
    one = await world()
    caller = await one.caller()
    upgrade = request("/function/one/a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x")
    caller.send(upgrade + request("/function/one/b"))
    first, second = [json.loads((await caller.answer()).body) for _ in range(2)]
    assert (first["url"], second["url"]) == ("/a", "/b")
    assert not {"upgrade", "connection", "http2-settings"} & {name.lower() for name, _ in first["headers"]}


# --- the end --------------------------------------------------------------------------------------


async def test_closing_the_door_lets_answers_finish_and_takes_no_more(world: MakeWorld, gate: Gate) -> None:
    one = await world()
    works, idle = await one.caller(), await one.caller()
    works.send(request(f"/function/one/hold?until={gate.path}"))
    await one.told.line("holding")
    await one.told.until(lambda: len(one.host.front.clients) == 2)
    closing = asyncio.create_task(one.host.close_door(10.0))
    assert await idle.rest() == b""
    gate.open()
    answer = await works.answer()
    assert (answer.body, answer.header("connection")) == (b"held", "close")
    await closing
    with pytest.raises(ConnectionRefusedError):
        await one.caller()
    assert (await one.host.call("one")).status == 200


async def test_closing_the_door_cuts_off_what_takes_too_long(world: MakeWorld, gate: Gate) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request(f"/function/one/hold?until={gate.path}"))
    await one.told.line("holding")
    await one.host.close_door(0.05)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await caller.head()


async def test_many_callers_at_once(world: MakeWorld) -> None:
    one = await world(function(concurrency=4, maximum=2, queue_limit=1000))

    async def several(number: int) -> list[Any]:
        caller = await one.caller()
        seen = []
        for turn in range(20):
            caller.send(post(f"/function/one/{number}/{turn}", body=b"b" * number))
            seen.append(json.loads((await caller.answer()).body))
        return seen

    for number, seen in enumerate(await asyncio.gather(*map(several, range(30)))):
        assert [one["url"] for one in seen] == [f"/{number}/{turn}" for turn in range(20)]
        assert {len(one["body"]) for one in seen} == {number}
    assert len(one.told.of("woke")) == 2
    assert all(not dead(process.pid) for process in one.host.pools["one"].ready)
