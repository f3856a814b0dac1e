"""How often one may call: after the token and the permission, before the body is read.

What a caller is counted by: the tenant, and the person or service in it; without a token the address. Signing in has a
rate of its own, for an address, since each try costs the password's hash and may be at another account.

While Redis is gone the rates of tenant and caller are not looked at, and signing in is held to a quarter of its rate
in each process: guessing must not become cheap when something else fails. Without a Redis there are no rates.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.types import Scope

from shared.contract import Caller, FunctionSpec
from shared.errors import RateLimited
from shared.live.rate import LocalLimits, Rate
from shared.settings import Settings, settings

if TYPE_CHECKING:
    from shared.live.limits import Wanted

#: What is left of the login rate in one process while Redis is gone.
STRICTER = 4
_own = LocalLimits(time.monotonic)


async def keep_pace(spec: FunctionSpec, caller: Caller, scope: Scope) -> None:
    """Count the request. Raises `RateLimited` with the seconds to wait; then it counts for nothing."""
    own = settings()
    if not own.cache_url:
        return
    wanted = _wanted(own, spec, caller, scope)
    if not wanted:
        return
    from shared.live import limits
    from shared.live.link import Away, async_link

    try:
        wait = await limits.take(async_link(own.cache_url), wanted)
    except Away:
        wait = max((_own.take(key, _stricter(rate)) for key, rate in wanted if spec.pace == "login"), default=0.0)
    if wait:
        raise RateLimited("too many requests: wait before the next one", retry_after=wait)


def _wanted(own: Settings, spec: FunctionSpec, caller: Caller, scope: Scope) -> Wanted:
    """The keys and their rates. Those of one request stand in one place of a cluster, named by the braces."""
    if spec.pace == "login" or not caller.user_id:
        return _rated((f"bizosaas:rate:{{{_short(address(scope))}}}:{spec.pace}", own.rates[spec.pace]))
    if not caller.tenant:  # a part of the platform
        return []
    place = f"bizosaas:rate:{{{caller.tenant}}}"
    return _rated((place, own.rates["tenant"]), (f"{place}:{_short(caller.user_id)}", own.rates["caller"]))


def _rated(*pairs: tuple[str, Rate | None]) -> Wanted:
    return [(key, rate) for key, rate in pairs if rate is not None]


def _stricter(rate: Rate) -> Rate:
    return Rate(rate.per_second / STRICTER, max(1, rate.burst // STRICTER))


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def address(scope: Scope) -> str:
    """Where a request comes from, as the door says; else the peer of the connection."""
    said = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"x-forwarded-for"), "")
    client: Sequence[object] = scope.get("client") or ("",)
    return said.partition(",")[0].strip() or str(client[0])
