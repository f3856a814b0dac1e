"""Rates that all processes share: one short script in Redis decides about one request, by its server's clock."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, cast

from shared.live.link import AsyncLink
from shared.live.rate import Rate

#: For each key, in microseconds: its interval and its tolerance. All conform and all are counted, or none is. Answers
#: the longest wait. A key ends when its TAT is past: then nothing is known of it, which is the same. See `rate`.
#: It is sent whole each time: Redis keeps it compiled, and an emptied or new one needs no second round trip.
SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local tats, wait = {}, 0
for i, key in ipairs(KEYS) do
  local tat = math.max(tonumber(redis.call('GET', key) or 0) or 0, now)
  wait = math.max(wait, tat - ARGV[2 * i] - now)
  tats[i] = tat + ARGV[2 * i - 1]
end
if wait > 0 then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', tats[i]), 'PX', math.ceil((tats[i] - now) / 1000))
end
return 0
"""


#: (key, rate) for each rate that a request counts against.
Wanted = Sequence[tuple[str, Rate]]


async def take(link: AsyncLink, wanted: Wanted) -> float:
    """Count one request against each (key, rate). Seconds to wait, 0 when it may pass; nothing is counted when it may
    not. Raises `Away`."""
    keys = [key for key, _ in wanted]
    numbers = [_microseconds(value) for _, rate in wanted for value in (rate.interval, rate.tolerance)]

    def ask(client: Any) -> Awaitable[int]:
        return cast(Awaitable[int], client.eval(SCRIPT, len(keys), *keys, *numbers))

    return await link.ask(ask) / 1e6


def _microseconds(seconds: float) -> int:
    return max(0, round(seconds * 1e6))
