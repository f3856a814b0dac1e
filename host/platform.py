"""The host put together: zygotes, pools and the front door, with one beginning, one clock and one end."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from host import policy
from host.calls import InternalCall, Response
from host.folder import Folder
from host.front import Authenticate, Front, LocalAnswer
from host.httpwire import Header, request_bytes
from host.ingress import Ingress
from host.logs import OnLog
from host.metrics import render
from host.policy import Memory
from host.pool import Pool
from host.settings import Clock, Context, Image, OnEvent, Settings, memory_available
from host.spawner import Spawner
from host.stack import Function
from shared.errors import Invalid, NotFound, Problem, TryAgain

DESCRIPTORS = 65_536


class Host:
    """Runs functions. Made inside a running loop; `start`, then `listen`; `close_door`, then `stop`.

    `on_log(function, pid, line)` hears every line that a process prints (a dict where the line is a JSON
    object). `on_event(kind, **fields)` hears woke, slept, crashed, killed, start_failed, zygote_ready and
    zygote_died.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        ingress: Ingress,
        settings: Settings,
        *,
        authenticate: Authenticate | None = None,
        local: Mapping[bytes, Callable[[], LocalAnswer]] | None = None,
        on_log: OnLog = lambda _function, _pid, _line: None,
        on_event: OnEvent = lambda _kind, **_fields: None,
        memory: Callable[[], int] = memory_available,
    ) -> None:
        """Raises Invalid when a route or a function names what is not there; all of it together."""
        _check(functions, ingress, settings.images)
        self._read_memory = memory
        self._folder = Folder()
        clock = Clock(time.monotonic())
        loop = asyncio.get_running_loop()
        free = Memory(memory(), settings.memory_reserve)
        self._context = Context(loop, settings, self._folder.path, on_log, on_event, clock, free)
        self.images = {image.name: Spawner(self._context, image, self._reconsider) for image in settings.images}
        self.pools = {
            name: Pool(function, self._spawner(function.image), self._context) for name, function in functions.items()
        }
        answers = {b"/healthz": self._health, b"/metrics": self._metrics, **(local or {})}
        self.front = Front(self._context, ingress, self.pools, authenticate, answers)
        self._ticking: asyncio.TimerHandle | None = None
        self._memory_at = 0.0

    def _spawner(self, image: str) -> Spawner:
        """The image's own zygote, or its stand-in where it is not installed."""
        found = self.images[image]
        while not found.image.installed and found.image.otherwise:
            found = self.images[found.image.otherwise]
        return found

    # --- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Returns when the zygotes are ready, late ones apart, which then begin; RuntimeError when one cannot
        be.
        """
        needed = {pool.spawner for pool in self.pools.values()}
        first = [spawner for spawner in needed if not spawner.image.late]
        for spawner in first:
            spawner.start()
        self._tick()
        for spawner in first:
            if not await spawner.first:
                await self.stop(0.0)
                raise RuntimeError(f"the zygote of image {spawner.image.name} did not start; its log says why")
        for spawner in needed:
            spawner.start()

    async def listen(self, address: str, port: int) -> int:
        """Opens the front door and returns its port; OSError when the port is taken."""
        return await self.front.listen(address, port)

    async def close_door(self, grace: float) -> None:
        """No new requests; those that are under way get `grace` seconds."""
        await self.front.close(grace)

    async def stop(self, grace: float) -> None:
        """Lets every process finish for `grace` seconds, ends those that have not, then the zygotes."""
        for pool in self.pools.values():
            if pool.function.streams:  # their answers end only when they are told
                pool.close()
        await self.close_door(grace)
        until = time.monotonic() + grace
        for pool in self.pools.values():
            pool.close()
        await self._all_ended(until)
        for pool in self.pools.values():
            for process in list(pool.others):
                process.kill("drain_limit")
        await self._all_ended(time.monotonic() + 1.0)
        for spawner in self.images.values():
            await spawner.stop()
        if self._ticking is not None:
            self._ticking.cancel()
        self._folder.remove()

    async def _all_ended(self, until: float) -> None:
        for pool in self.pools.values():
            left = until - time.monotonic()
            try:
                await asyncio.wait_for(pool.ended.wait(), max(0.0, left))
            except TimeoutError:
                return

    # --- for the other parts of the host ----------------------------------------------------------

    async def call(
        self,
        function: str,
        *,
        method: str = "POST",
        path: str = "/",
        headers: Sequence[Header] = (),
        body: bytes = b"",
    ) -> Response:
        """Calls a function through the same pools and limits as callers have; its answer, whatever its
        status.

        Raises NotFound (no such function), TryAgain (refused, or the process died: Died, 502), OverTime
        (504).
        """
        pool = self.pools.get(function)
        if pool is None:
            raise NotFound(f"there is no function {function}")
        own = [(b"host", b"host.internal"), (b"x-call-id", self.front.call_ids.next())]
        opening = request_bytes(method, path, [*own, *headers], body)
        call = InternalCall(opening, head_only=method == "HEAD", answer_limit=self._context.settings.answer_limit)
        call.submit(pool)
        try:
            return await call.response
        except asyncio.CancelledError:
            call.abandon()
            raise

    def snapshot(self) -> dict[str, dict[str, int]]:
        """Per function: processes, calls in flight and waiting, now."""
        return {
            name: {"processes": pool.living, "in_flight": pool.in_flight, "waiting": pool.waiting_calls}
            for name, pool in self.pools.items()
        }

    # --- the clock --------------------------------------------------------------------------------

    def _tick(self) -> None:
        context = self._context
        context.clock.now = now = time.monotonic()
        self._ticking = context.loop.call_later(context.settings.tick, self._tick)
        if now >= self._memory_at:
            self._memory_at = now + context.settings.memory_every
            context.memory = Memory(self._read_memory(), context.settings.memory_reserve)
            self._evict()
        for pool in self.pools.values():
            pool.tick(now)
        self.front.tick(now)

    def _evict(self) -> None:
        """Little memory: lets the longest idle processes of all functions sleep early."""
        memory = self._context.memory
        if not memory.little:
            return
        idle = [one for pool in self.pools.values() if len(pool.ready) > pool.function.floor for one in pool.idle()]
        idle.sort(key=lambda process: process.idle_since)
        for process in idle[: policy.idle_to_evict(memory, len(idle))]:
            process.pool.sleep(process, "evicted")

    def _reconsider(self) -> None:
        """A zygote is ready: what waited for one can start."""
        for pool in self.pools.values():
            pool.reconsider()

    # --- what the door answers itself -------------------------------------------------------------

    def _health(self) -> LocalAnswer:
        missing = [name for name, one in self.images.items() if not one.image.late and not one.ready.is_set()]
        if missing:
            raise TryAgain(f"the zygote of {', '.join(missing)} is not ready", retry_after=1.0)
        return 200, [(b"content-type", b"text/plain; charset=utf-8")], b"ok\n"

    def _metrics(self) -> LocalAnswer:
        gauges: dict[str, Any] = {
            "connections": lambda: len(self.front.clients),
            "memory_available_bytes": lambda: self._context.memory.available,
        }
        text = render(self.pools.values(), gauges)
        return 200, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")], text


def _allow_descriptors() -> None:
    """A connection is a descriptor, on either side: as many as the system lets us have, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, DESCRIPTORS) if hard != resource.RLIM_INFINITY else DESCRIPTORS
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check(functions: Mapping[str, Function], ingress: Ingress, images: Sequence[Image]) -> None:
    known = {image.name for image in images}
    problems = [
        Problem(f"functions.{one.name}.image", f"must be one of {', '.join(sorted(known))}")
        for one in functions.values()
        if one.image not in known
    ]
    problems += [
        Problem(f"ingress {route.method} {route.path}", f"there is no function {route.function}")
        for route in ingress.routes
        if route.function not in functions
    ]
    if problems:
        raise Invalid(f"stack and ingress have {len(problems)} problem(s)", problems=tuple(problems))
