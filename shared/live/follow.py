"""A stream as server-sent events (WHATWG HTML, "Server-sent events"), for one viewer.

    event: load      what was before is unknown here: read the page now; what follows happened after this
    event: <kind>    an entry; its `id` is where to go on (Last-Event-ID)
    event: away      Redis is gone: read the page now and then; the stream ends, and may be asked for again
    : comment        nothing happened, and the connection lives

The answer ends by itself when its time is over, or the process is to end; `retry` says when to come again. An answer
that is not 200 would stop a browser's EventSource for good, so a Redis that is gone is told within the stream.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

from shared.live import streams
from shared.live.entries import Stream
from shared.live.link import ANSWER_SECONDS, Away, async_link, gate_of, open_async

MEDIA_TYPE = "text/event-stream"
BEAT_SECONDS = 10.0
RETRY_MILLISECONDS = 1_000
AWAY_MILLISECONDS = 5_000
AWAY = b"retry: %d\nevent: away\ndata: {}\n\n" % AWAY_MILLISECONDS
_PLACE = re.compile(r"\d{1,20}-\d{1,20}")


@dataclass(frozen=True)
class View:
    """Who looks at what: `last` is the Last-Event-ID or "", `seconds` how long it may take, `stopping` is set when
    the process is to end."""

    url: str
    tenant: str
    stream: Stream
    last: str
    seconds: float
    stopping: asyncio.Event


async def follow(view: View) -> AsyncIterator[bytes]:
    """The parts of the answer's body."""
    if not view.url:
        yield AWAY
        return
    try:
        async for part in _follow(view):
            yield part
    except Away:
        yield AWAY


async def _follow(view: View) -> AsyncIterator[bytes]:
    until = asyncio.get_running_loop().time() + view.seconds
    link = async_link(view.url)
    place = view.last if _PLACE.fullmatch(view.last) else ""
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    if not place or not await streams.missed_nothing(link, view.tenant, view.stream, place):
        place = await streams.newest(link, view.tenant, view.stream)
        yield _event("load", place, "{}")
    # Its question waits for an answer: so it has a connection of its own, and patience.
    patient = open_async(view.url, BEAT_SECONDS + ANSWER_SECONDS, gate_of(view.url))
    try:
        while (left := until - asyncio.get_running_loop().time()) > 0 and not view.stopping.is_set():
            wait = max(1, int(min(BEAT_SECONDS, left) * 1000))
            lines = await _unless(view.stopping, streams.read(patient, view.tenant, view.stream, place, wait))
            place = lines[-1].place if lines else place
            yield b"".join(_event(line.kind, line.place, line.data) for line in lines) or b":\n\n"
    finally:
        await patient.close()


async def _unless(stopping: asyncio.Event, reading: Coroutine[Any, Any, list[streams.Line]]) -> list[streams.Line]:
    """What is read, or nothing when the process is to end first."""
    read = asyncio.create_task(reading)
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({read, stop}, return_when=asyncio.FIRST_COMPLETED)
        return await read if read.done() else []
    finally:
        for task in (read, stop):
            task.cancel()
        await asyncio.gather(read, stop, return_exceptions=True)


def _event(kind: str, place: str, data: str) -> bytes:
    return f"event: {kind}\nid: {place}\ndata: {data}\n\n".encode()
