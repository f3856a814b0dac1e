"""The streams of the live view: a short one for each tenant and subject (Redis Streams), bounded and forgotten.

1. A stream keeps about `KEPT` entries and is forgotten a day after its last one.
2. The same entry twice is shown once: beside each stream stand the names of its last entries, and the entry is added
   together with its name or not at all. An entry that comes again after so many others would show again.
3. What is `STALE_SECONDS` old is not live. It is not shown; instead the tenant's streams are cleared, so that whoever
   resumes learns that something is missing.
4. Whoever read up to an entry that is still there has missed nothing before it: entries leave in their order. Where it
   is gone (trimmed, or Redis was emptied) the reader is told to load the page again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from events.jsontext import dumps
from shared.live.entries import STREAMS, Entry, Stream
from shared.live.link import AsyncLink, Away, Link, link

KEPT = 1_000
REMEMBERED = 2 * KEPT
FORGET_SECONDS = 86_400
STALE_SECONDS = 900
#: As the id of a place before the first entry.
START = "0-0"

_ADD = """
local stream, names = KEYS[1], KEYS[2]
if redis.call('ZADD', names, 'NX', redis.call('TIME')[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', stream, 'MAXLEN', '~', ARGV[4], '*', 'kind', ARGV[2], 'data', ARGV[3])
redis.call('ZREMRANGEBYRANK', names, 0, -1 - ARGV[5])
redis.call('EXPIRE', stream, ARGV[6])
redis.call('EXPIRE', names, ARGV[6])
return 1
"""


class Shown(NamedTuple):
    """An entry with what it is of: a tenant's event, by its id and time."""

    tenant: str
    event_id: str
    time: datetime
    entry: Entry


class Line(NamedTuple):
    """An entry as it is read: its place in the stream, what happened, and its JSON."""

    place: str
    kind: str
    data: str


def key(tenant: str, stream: Stream) -> str:
    """The stream's key; its names' key ends in `:names`. One tenant's stand in one place of a cluster."""
    return f"bizosaas:live:{{{tenant}}}:{stream}"


def publish(redis: Link, shown: Sequence[Shown], now: datetime) -> None:
    """Show entries, in one round trip. Raises `Away`; some of them may have been shown then, and show once."""
    since = now - timedelta(seconds=STALE_SECONDS)
    theirs = [one for one in shown if one.tenant]
    fresh = [one for one in theirs if one.time > since]
    stale = {one.tenant for one in theirs if one.time <= since}
    if fresh or stale:
        redis.ask(lambda client: _send(client, fresh, stale))


def _send(client: Any, fresh: Iterable[Shown], stale: Iterable[str]) -> None:
    with client.pipeline(transaction=False) as pipe:
        for tenant in sorted(stale):
            pipe.delete(*(key(tenant, stream) for stream in STREAMS))
        for one in fresh:
            stream = key(one.tenant, one.entry.stream)
            data = dumps({"at": one.time.isoformat(), **one.entry.data})
            name = f"{one.event_id}:{one.entry.kind}"
            numbers = (KEPT, REMEMBERED, FORGET_SECONDS)
            pipe.eval(_ADD, 2, stream, f"{stream}:names", name, one.entry.kind, data, *numbers)
        pipe.execute()


def show_now(url: str, one: Shown) -> None:
    """Show one entry; without a Redis, or while it is gone, it is not shown."""
    if url:
        with suppress(Away):
            publish(link(url), [one], one.time)


async def newest(redis: AsyncLink, tenant: str, stream: Stream) -> str:
    """The place of the newest entry, `START` where there is none. Raises `Away`."""

    def ask(client: Any) -> Awaitable[Any]:
        return cast(Awaitable[Any], client.xrevrange(key(tenant, stream), count=1))

    found = await redis.ask(ask)
    return _text(found[0][0]) if found else START


async def missed_nothing(redis: AsyncLink, tenant: str, stream: Stream, place: str) -> bool:
    """Whether all that came after `place` is still there. Raises `Away`."""

    def length(client: Any) -> Awaitable[Any]:
        return cast(Awaitable[Any], client.xlen(key(tenant, stream)))

    def there(client: Any) -> Awaitable[Any]:
        return cast(Awaitable[Any], client.xrange(key(tenant, stream), place, place))

    if place == START:  # nothing was there yet: nothing has left since, unless it is full by now
        return int(await redis.ask(length)) < KEPT
    return bool(await redis.ask(there))


async def read(redis: AsyncLink, tenant: str, stream: Stream, after: str, milliseconds: int) -> list[Line]:
    """The entries after a place; waits so long for one, 0 for not at all. Raises `Away`."""

    def ask(client: Any) -> Awaitable[Any]:
        return cast(Awaitable[Any], client.xread({key(tenant, stream): after}, 200, milliseconds or None))

    found = await redis.ask(ask)
    lines = found[0][1] if found else []
    return [Line(_text(place), _text(fields[b"kind"]), _text(fields[b"data"])) for place, fields in lines]


def _text(raw: bytes) -> str:
    return raw.decode()
