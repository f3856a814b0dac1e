"""What the host's tests run as functions: an HTTP server by hand, so that it can also behave badly.

The path says what to do; see `ACTS`. It keeps the contract of the zygote: says `ready`, finishes its calls
and ends on SIGTERM or at the end of the lifeline.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import httptools


class Request:
    """One request and the raw way back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.method = self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.whole = self.head_in = False
        self.parser = httptools.HttpRequestParser(self)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.head_in = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole = True

    async def more(self) -> bool:
        data = await self.reader.read(65536)
        if data:
            with contextlib.suppress(httptools.HttpParserUpgrade):
                self.parser.feed_data(data)
        return bool(data)

    async def read(self) -> bool:
        while not self.whole:
            if not await self.more():
                return False
        return True

    @property
    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.url.partition(b"?")[2].decode()).items()}

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(self, body: bytes, status: str = "200 OK", *lines: str) -> None:
        fields = "".join(f"{line}\r\n" for line in (*lines, f"content-length: {len(body)}"))
        self.send(f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + (b"" if self.method == b"HEAD" else body))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def echo(request: Request) -> None:
    await request.read()
    told = {
        "method": request.parser.get_method().decode(),
        "url": request.url.decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers],
        "body": request.body.decode("latin-1"),
        "pid": os.getpid(),
        "function": os.environ["FUNCTION"],
    }
    request.method = request.parser.get_method()
    request.answer(json.dumps(told).encode(), "200 OK", "content-type: application/json")


async def about(request: Request) -> None:
    """What a forked process looks like from inside."""
    await request.read()
    with open("/proc/self/smaps_rollup") as lines:
        fields = [line.split() for line in lines if line.endswith("kB\n")]
    rollup = {words[0]: int(words[1]) for words in fields}
    with open("/proc/self/comm") as comm:
        name = comm.read().strip()
    told = {
        "private_kb": rollup["Private_Clean:"] + rollup["Private_Dirty:"],
        "rss_kb": rollup["Rss:"],
        "threads": len(os.listdir("/proc/self/task")),
        "frozen": gc.get_freeze_count(),
        "collecting": gc.isenabled(),
        "fds": len(os.listdir("/proc/self/fd")),
        "input": os.readlink("/proc/self/fd/0"),
        "random": random.random(),
        "environment": dict(os.environ),
        "comm": name,
        "sigchld": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
    }
    request.answer(json.dumps(told).encode())


async def gate(request: Request) -> None:
    """Returns when somebody opens the gate (a named pipe) of the query; what is in it is left for others."""
    loop = asyncio.get_running_loop()
    opened = asyncio.Event()
    pipe = os.open(request.query["until"], os.O_RDWR | os.O_NONBLOCK)
    loop.add_reader(pipe, opened.set)
    await opened.wait()
    loop.remove_reader(pipe)
    os.close(pipe)


async def hold(request: Request) -> None:
    """Says `holding` in its log and answers when the gate is open."""
    await request.read()
    print("holding", flush=True)
    await gate(request)
    request.answer(b"held")


async def spin(request: Request) -> None:
    await request.read()
    print("spinning", flush=True)
    while True:
        pass


async def dies(request: Request) -> None:
    await request.read()
    die()


async def dies_unread(request: Request) -> None:
    die()


async def dies_midway(request: Request) -> None:
    await request.read()
    request.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await request.writer.drain()
    print("midway", flush=True)
    await request.more()


async def raw(request: Request) -> None:
    """Answers with the bytes of the request's body, then ends the connection when asked to."""
    await request.read()
    request.send(request.body)
    if request.query.get("then") == "close":
        await request.writer.drain()
        request.writer.close()


async def stream(request: Request) -> None:
    """`count` chunks of `size` bytes; what it managed to send so far is told in a file."""
    await request.read()
    count, size = int(request.query["count"]), int(request.query["size"])
    request.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(count):
        request.send(b"%x\r\n%b\r\n" % (size, b"x" * size))
        await request.writer.drain()
        print("sent", flush=True)
    request.send(b"0\r\n\r\n")


async def events(request: Request) -> None:
    """Server-sent events for ever; says so when nobody listens any more."""
    await request.read()
    request.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    request.send(b"d\r\ndata: first\n\n\r\n")
    await request.more()
    print("nobody listens", flush=True)


async def sip(request: Request) -> None:
    """Reads nothing of its body until the gate is open; then counts it."""
    while not request.head_in:
        await request.more()
    request.reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no public name for it
    print("sipping", flush=True)
    await gate(request)
    request.reader._transport.resume_reading()  # type: ignore[attr-defined]  # as above
    await request.read()
    request.answer(str(len(request.body)).encode())


async def early(request: Request) -> None:
    """Answers when it has seen the head, and reads no body."""
    while not request.head_in:
        await request.more()
    request.answer(b"enough", "409 Conflict")


async def switch(request: Request) -> None:
    """Upgrades, and sends back what comes, in upper case."""
    await request.read()
    request.send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n")
    request.send(b"x-key: 1\r\n\r\nHELLO")
    while data := await request.reader.read(65536):
        request.send(data.upper())
    print("tunnel closed", flush=True)


async def grow(request: Request) -> None:
    await request.read()
    try:
        held = bytearray(int(request.query["bytes"]))
        request.answer(str(len(held)).encode())
    except MemoryError:
        request.answer(b"MemoryError", "507 Insufficient Storage")


async def talk(request: Request) -> None:
    await request.read()
    print("plain words", flush=True)
    print(json.dumps({"level": "info", "message": "as an object"}), flush=True)
    print("to standard error", file=sys.stderr, flush=True)
    request.answer(b"said")


ACTS: dict[str, Callable[[Request], Awaitable[None]]] = {
    "/about": about,
    "/hold": hold,
    "/spin": spin,
    "/dies": dies,
    "/dies-unread": dies_unread,
    "/dies-midway": dies_midway,
    "/raw": raw,
    "/stream": stream,
    "/events": events,
    "/sip": sip,
    "/early": early,
    "/switch": switch,
    "/grow": grow,
    "/talk": talk,
}


class Server:
    """Serves until told to stop; then finishes what it has."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.active = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not self.stopping.is_set():
                request = Request(reader, writer)
                while not request.url or not request.head_in:
                    if not await request.more():
                        return
                    if request.url.startswith(b"/dies-unread"):
                        die()
                await self.serve(request)
                if not request.whole:
                    break
        writer.close()

    async def serve(self, request: Request) -> None:
        self.active += 1
        self.idle.clear()
        act = ACTS.get(request.url.partition(b"?")[0].decode("latin-1"), echo)
        try:
            request.method = request.parser.get_method()
            await act(request)
            await request.writer.drain()
        finally:
            self.active -= 1
            if not self.active:
                self.idle.set()


async def serve(listener: socket.socket, ready: Callable[[], None], lifeline: int) -> None:
    server, loop = Server(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.stopping.set)
    loop.add_reader(lifeline, server.stopping.set)
    listening = await asyncio.start_unix_server(server.connection, sock=listener)
    ready()
    await server.stopping.wait()
    loop.remove_reader(lifeline)
    listening.close()
    await server.idle.wait()


def run(function: str, listener: socket.socket, ready: Callable[[], None], lifeline: int) -> None:
    asyncio.run(serve(listener, ready, lifeline))


def fails(*_arguments: Any) -> None:
    """An entry that never gets ready."""
    raise RuntimeError("no luck")


def sleeps(*_arguments: Any) -> None:
    """An entry that neither fails nor gets ready."""
    signal.pause()
