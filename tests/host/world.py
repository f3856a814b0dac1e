"""A small world for the host's tests: a host around functions written for them, a raw caller at its port."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from host.platform import Host
from host.settings import Image, Settings
from host.stack import Function, parse_stack

HERE = Path(__file__).parent
LIGHT = Image("light", ("asyncio", "httptools"))
SETTINGS = Settings(
    entry="served:run",
    images=(LIGHT,),
    tick=0.01,
    memory_every=0.02,
    wait_limit=10.0,
    start_limit=10.0,
    drain_limit=10.0,
)
PLENTY = 1 << 40


def function(name: str = "one", **changes: Any) -> Function:
    """A function with the defaults of stack.yml, changed."""
    text = f"version: 1.0\nprovider: {{name: openfaas}}\nfunctions:\n  {name}: {{image: bizosaas/light:1}}\n"
    return replace(parse_stack(text, {}, HERE)[name], **changes)


class Told:
    """What the host told: events and log lines, with a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[tuple[str, int, Any]] = []
        self._changed = asyncio.Event()

    def event(self, kind: str, **fields: Any) -> None:
        self.events.append((kind, fields))
        self._changed.set()

    def log(self, function: str, pid: int, line: Any) -> None:
        self.lines.append((function, pid, line))
        self._changed.set()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fields for one, fields in self.events if one == kind]

    async def wait(self, kind: str, count: int = 1) -> dict[str, Any]:
        """The `count`-th event of that kind."""
        await self.until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    async def line(self, wanted: Any) -> tuple[str, int, Any]:
        await self.until(lambda: any(line == wanted for _, _, line in self.lines))
        return next(one for one in self.lines if one[2] == wanted)

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Returns when `condition` holds; looks again after each thing told, and at each tick."""

        async def look() -> None:
            while not condition():
                self._changed.clear()
                await asyncio.wait([asyncio.ensure_future(self._changed.wait())], timeout=0.01)

        await asyncio.wait_for(look(), seconds)


class World:
    """A started host with its port."""

    def __init__(self, host: Host, port: int, told: Told, settings: Settings) -> None:
        self.host, self.port, self.told, self.settings = host, port, told, settings
        self._callers: list[Caller] = []

    async def caller(self, **options: Any) -> Caller:
        caller = Caller(*await asyncio.open_connection("127.0.0.1", self.port, **options))
        self._callers.append(caller)
        return caller

    async def get(self, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> Answer:
        """One request on a connection of its own."""
        caller = await self.caller()
        caller.send(request(target, *lines, method=method, body=body))
        answer = await caller.answer(head_only=method == "HEAD")
        caller.close()
        return answer

    def all_dead(self) -> bool:
        """True when no process that was ever told of runs."""
        return all(dead(fields["pid"]) for _, fields in self.told.events if fields.get("pid"))

    async def close(self) -> None:
        for caller in self._callers:
            caller.close()
        await self.host.stop(1.0)


def request(target: str, *lines: str, method: str = "GET", body: bytes = b"", version: str = "1.1") -> bytes:
    """A well-formed request; `lines` are further header fields."""
    head = [f"{method} {target} HTTP/{version}", "Host: test", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Answer:
    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class Caller:
    """A raw socket at the port, reading answers by the letter."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def close(self) -> None:
        self.writer.transport.abort()

    async def head(self) -> tuple[int, list[tuple[str, str]]]:
        text = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)).decode("latin-1")
        first, *rest = text[:-4].split("\r\n")
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1"
        return int(status), [(k.lower(), v) for k, _, v in (line.partition(": ") for line in rest)]

    async def answer(self, *, head_only: bool = False) -> Answer:
        status, headers = await self.head()
        fields = dict(headers)
        if head_only or status in (204, 304) or status < 200:
            return Answer(status, headers, b"")
        if fields.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join([part async for part in self.chunks()]))
        if "content-length" in fields:
            body = await asyncio.wait_for(self.reader.readexactly(int(fields["content-length"])), 20)
            return Answer(status, headers, body)
        return Answer(status, headers, await self.rest())

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            size = int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), 20), 16)
            data = await asyncio.wait_for(self.reader.readexactly(size + 2), 20)
            assert data.endswith(b"\r\n")
            if not size:
                return
            yield data[:-2]

    async def rest(self) -> bytes:
        """What comes until the host ends the connection."""
        return await asyncio.wait_for(self.reader.read(-1), 20)


MakeWorld = Callable[..., Awaitable[World]]


class Gate:
    """A named pipe that functions wait at: `open` lets them all through."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def open(self) -> None:
        os.write(self._fd, b"x")


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Returns when `condition` holds; for what nobody tells of. Raises `TimeoutError`."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("waited in vain")
        time.sleep(0.002)


def dead(pid: int) -> bool:
    """True when the process runs no more; it may wait to be reaped."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
