"""The contract of the house. Read this file first.

A function is a module of one of two kinds.

An EVENT FUNCTION has `handle(event, services)`. It gets one typed event and returns what happened; the runtime
publishes. It may read and change state through `services`; nothing it changes is seen by anyone, and nothing it
returns is sent, until the runtime commits all of it at once. (One without a store returns entries of the live view,
which may be lost, and no events.) It may be called again for the same event (after a
crash, or when two copies arrive together), so it reaches the outside world only through what it returns. If it has
`tenants_due(services)`, too, then its timer's event becomes one event for each of these, each handled and committed by
itself.

An HTTP FUNCTION has `router`, a FastAPI router with the one operation that it is named for. It takes its caller and
its services as dependencies (`shared.runtime.http`: `CallerNow`, `ServicesNow`) and publishes with `services.emit`.
The same commit covers its changes, its events and its answer. One that a topic calls, with each message as it stands
there, has the path "/" and no public route.

What a function raises decides what becomes of the message (`shared.errors`):
    Invalid, Forbidden, NotFound, Conflict   never again: 4xx, the message goes to its dead-letter queue
    TryAgain                                 later: 503, the message comes back after a while
    anything else                            a fault of ours: logged; 500 over HTTP, 503 for a message
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from events.event import Event

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shared.live.entries import Entry
    from shared.runtime.services import Services

Kind = Literal["http", "event"]
ROLES = ("SUPER_ADMIN", "TENANT_ADMIN", "USER", "READONLY", "AGENT")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the verified token says: never taken from a header, a path or a body.

    `tenant` is "" only for a service of the platform itself. `role` is one of `ROLES`.
    """

    user_id: str
    tenant: str
    role: str
    session_id: str = ""
    token_id: str = ""
    expires_at: float = 0.0

    @property
    def is_service(self) -> bool:
        """Whether a part of the platform calls, not a person."""
        return self.role == "AGENT"


@dataclass(frozen=True, slots=True)
class Context:
    """Which call this is. For an event: its id, source, tenant and story; for HTTP: the call's own.

    `attempt` counts deliveries from 1; 0 when the engine does not say.
    """

    id: str
    source: str
    tenant: str
    actor: str
    correlation: str
    time: datetime
    causation: str = ""
    attempt: int = 0
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Addressed:
    """An event of a tenant, returned by a function that works for the platform as a whole (a timer's)."""

    event: Event
    tenant: str
    correlation: str = ""


class EventFunction(Protocol):
    """A module that handles events."""

    def handle(self, event: Any, services: Services) -> Iterable[Event | Addressed | Entry]:
        """Take one event and return what happened."""
        ...


class HttpFunction(Protocol):
    """A module that answers HTTP: one router with one operation."""

    router: APIRouter


@dataclass(frozen=True)
class FunctionSpec:
    """One row of the catalogue: all that is known of a function without importing it.

    `name` derives from `module` (`hitl.decide` is `hitl-decide`), but for agent roles, which share one module.
    `permission` is checked before the body is read; "public" wants no token. `store` names the one database that
    the function may change, "" for none. `route` is "" for what only queues, topics and timers call. `pace` names the
    rate that its callers are held to (`shared.runtime.pace`). One that `streams` answers with server-sent events until
    its time is over. For one that takes facts in a `batch`, they are gathered for `gather` seconds after it got some;
    the first after a while and a full batch go at once. `timeout`, `idle` and `every` are seconds; `memory` is in MiB.
    """

    name: str
    module: str
    kind: Kind
    permission: str
    summary: str
    store: str = "orchestration"
    route: str = ""
    queues: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    every: int = 0
    role: str = ""
    image: str = "light"
    secrets: tuple[str, ...] = ()
    idempotent: bool = False
    pace: str = "caller"
    streams: bool = False
    concurrency: int = 8
    queue_limit: int = 64
    batch: int = 1
    gather: float = 0.25
    timeout: int = 30
    idle: int = 60
    most: int = 1
    memory: int = 256
