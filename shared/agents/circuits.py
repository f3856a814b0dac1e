"""Where circuits are kept: in Redis, shared by all processes, or in this process while Redis is away."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from shared.agents.breaker import CLOSED, Circuit, Failed, Policy, Succeeded, after
from shared.live.link import Away, Link, link
from shared.settings import Settings

T = TypeVar("T")
KEY = "bizosaas:breaker:model"
#: A circuit that nobody asked about for a day is forgotten.
FORGET_SECONDS = 86_400


class Store(Protocol):
    """Keeps one circuit."""

    def read(self) -> Circuit:
        """The circuit; closed when nothing is known."""

    def change(self, change: Callable[[Circuit], Circuit]) -> None:
        """Replace it by what `change` makes of it, as one step."""

    def claim(self, name: str, seconds: float) -> bool:
        """Whether the caller is the first to claim this name within so many seconds."""


@dataclass
class MemoryStore:
    """One circuit in this process."""

    clock: Callable[[], float] = time.time
    _circuit: Circuit = CLOSED
    _claims: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> Circuit:
        """See `Store`."""
        return self._circuit

    def change(self, change: Callable[[Circuit], Circuit]) -> None:
        """See `Store`."""
        with self._lock:
            self._circuit = change(self._circuit)

    def claim(self, name: str, seconds: float) -> bool:
        """See `Store`."""
        now = self.clock()
        with self._lock:
            self._claims = {held: until for held, until in self._claims.items() if until > now}
            if name in self._claims:
                return False
            self._claims[name] = now + seconds
            return True


@dataclass
class RedisStore:
    """One circuit under one key of Redis. Each method raises `Away`."""

    link: Link
    key: str

    def read(self) -> Circuit:
        """See `Store`."""
        return self.link.ask(lambda client: _decode(client.get(self.key)))

    def change(self, change: Callable[[Circuit], Circuit]) -> None:
        """See `Store`. Optimistic: done again when another process was faster."""
        self.link.ask(lambda client: self._change(client, change))

    def _change(self, client: Any, change: Callable[[Circuit], Circuit]) -> None:
        from redis import WatchError

        while True:
            with client.pipeline() as pipe:
                try:
                    pipe.watch(self.key)
                    before = _decode(pipe.get(self.key))
                    circuit = change(before)
                    if circuit == before:
                        return
                    pipe.multi()
                    pipe.set(self.key, json.dumps(asdict(circuit)), ex=FORGET_SECONDS)
                    pipe.execute()
                    return
                except WatchError:
                    continue

    def claim(self, name: str, seconds: float) -> bool:
        """See `Store`."""
        key, milliseconds = f"{self.key}:{name}", max(1, int(seconds * 1000))
        return self.link.ask(lambda client: bool(client.set(key, "1", nx=True, px=milliseconds)))


@dataclass
class Failover:
    """Redis while it answers, else this process: a circuit is a cache that can vanish."""

    shared: Store
    own: Store

    def read(self) -> Circuit:
        """See `Store`."""
        return self._first(lambda store: store.read())

    def change(self, change: Callable[[Circuit], Circuit]) -> None:
        """See `Store`."""
        self._first(lambda store: store.change(change))

    def claim(self, name: str, seconds: float) -> bool:
        """See `Store`."""
        return self._first(lambda store: store.claim(name, seconds))

    def _first(self, use: Callable[[Store], T]) -> T:
        try:
            return use(self.shared)
        except Away:
            return use(self.own)


@dataclass
class Breaker:
    """Lets calls through, or says until when not."""

    store: Store
    policy: Policy = field(default_factory=Policy)
    clock: Callable[[], float] = time.time

    def closed_until(self, probe_seconds: float) -> float | None:
        """None when the caller may call; else the moment (seconds since 1970) from which it is worth asking again.

        While half-open, one caller in `probe_seconds` may: the probe. Whoever may call reports what came of it.
        """
        circuit, now = self.store.read(), self.clock()
        if circuit.phase(now) == "closed":
            return None
        if circuit.phase(now) == "open":
            return circuit.open_until
        # The claim is named by its opening: a circuit that opens again can be probed again.
        if self.store.claim(f"probe:{circuit.open_until!r}", probe_seconds):
            return None
        return now + probe_seconds

    def report(self, event: Succeeded | Failed) -> None:
        """What came of a call."""
        now = self.clock()
        self.store.change(lambda circuit: after(circuit, event, now, self.policy))


def model_breaker(settings: Settings) -> Breaker:
    """The breaker of the model that is configured; every process with the same cache shares it."""
    model = f"{settings.model.base_url} {settings.model.name}"
    return Breaker(_store(settings.cache_url, f"{KEY}:{sha256(model.encode()).hexdigest()[:12]}", os.getpid()))


@cache
def _store(url: str, key: str, process: int) -> Store:  # noqa: ARG001  # a child of a fork never uses its parent's
    return Failover(RedisStore(link(url), key), MemoryStore()) if url else MemoryStore()


def _decode(text: bytes | str | None) -> Circuit:
    """What is not a circuit counts as nothing known."""
    try:
        known = json.loads(text or "{}")
        return Circuit(int(known["failures"]), int(known["openings"]), float(known["open_until"]))
    except (ValueError, TypeError, KeyError):
        return CLOSED
