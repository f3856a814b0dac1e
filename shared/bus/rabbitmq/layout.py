"""The topology as RabbitMQ's queues: what is declared, as data. `broker` declares it and compares it.

For each work queue: itself; `<queue>.retry.<n>`, where a message waits for its next attempt; `<queue>.dlq` behind the
topic exchange `dlx`, where it rests. Why retries are so: docs/decisions/2026-11-22-delayed-retries.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from events.topology import QueueSpec, Topology
from shared.errors import Invalid

QUORUM, CLASSIC = "quorum", "classic"
#: At-least-once dead-lettering and time to live on quorum queues came with it (RabbitMQ's release notes).
OLDEST_BROKER = (3, 10)
#: What waits in a consumer from which nobody leases goes back to the broker after so many seconds.
IDLE_SECONDS = 30
#: How many broken connections a message survives, as a multiple of its queue's delivery limit. They are seldom its
#: fault, but one that breaks whoever holds it must end.
CRASHES = 10


@dataclass(frozen=True)
class QueueOptions:
    """How queues are made: `kind` is quorum or classic; `max_length` is how many messages a work queue takes
    (None: no limit)."""

    kind: str = QUORUM
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in (QUORUM, CLASSIC):
            raise Invalid.field("kind", f"must be {QUORUM} or {CLASSIC}, not {self.kind!r}")
        if self.max_length is not None and self.max_length < 1:
            raise Invalid.field("max_length", "must be at least 1")


@dataclass(frozen=True)
class DeclaredQueue:
    """One queue to declare: durable, with these arguments, and bound to `dlx` where `bound_as` names the key."""

    name: str
    arguments: Mapping[str, str | int]
    bound_as: str = ""


def waits(spec: QueueSpec) -> list[float]:
    """The longest waits of the retry queues of a queue, in seconds: those of its own backoff. One more queue, the
    last, takes whatever is longer."""
    ceilings = (min(spec.retry_max, spec.retry_base * 2.0**attempt) for attempt in range(spec.delivery_limit - 1))
    return sorted(set(ceilings))


def retry_queue(spec: QueueSpec, delay: float) -> str:
    """Where a message waits for `delay` seconds: beside others that wait at most twice as long, for it may come to
    stand behind them."""
    level = sum(1 for longest in waits(spec) if longest < delay)
    return _retry_name(spec, level)


def retry_queues(spec: QueueSpec) -> list[str]:
    """All of them."""
    return [_retry_name(spec, level) for level in range(len(waits(spec)) + 1)]


def declared_queues(topology: Topology, options: QueueOptions, version: tuple[int, ...]) -> Iterator[DeclaredQueue]:
    """Everything that a broker of that version is to have. Invalid for a broker that is too old."""
    if version < OLDEST_BROKER:
        raise Invalid(f"RabbitMQ {'.'.join(map(str, version))} is too old: 3.10 or newer is needed")
    for spec in topology.queues.values():
        yield DeclaredQueue(spec.name, _work(spec, options))
        for name in retry_queues(spec):
            yield DeclaredQueue(name, _dead_lettering(options, "", spec.name))
        yield DeclaredQueue(spec.dead_letter, _resting(options, version), bound_as=spec.name)


def _retry_name(spec: QueueSpec, level: int) -> str:
    return f"{spec.name}.retry.{level + 1}"


def _work(spec: QueueSpec, options: QueueOptions) -> dict[str, str | int]:
    arguments = _dead_lettering(options, "dlx", spec.name) | {"x-message-ttl": spec.ttl_seconds * 1000}
    if options.max_length is not None:
        arguments["x-max-length"] = options.max_length
    if options.kind == CLASSIC:
        return arguments | {"x-max-priority": spec.priority}  # refused by quorum queues
    return arguments | {"x-delivery-limit": broker_limit(spec)}


def broker_limit(spec: QueueSpec) -> int:
    """How often the broker may take a message back before it gives up. It counts what broken connections held and what
    idle consumers gave back, which may come as often as there is time to live for it."""
    return spec.delivery_limit * CRASHES + spec.ttl_seconds // IDLE_SECONDS


def _dead_lettering(options: QueueOptions, exchange: str, key: str) -> dict[str, str | int]:
    arguments: dict[str, str | int] = {
        "x-queue-type": options.kind,
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": key,
        "x-overflow": "reject-publish",  # and without it at-least-once silently becomes at-most-once
    }
    if options.kind == QUORUM:
        arguments["x-dead-letter-strategy"] = "at-least-once"
    return arguments


def _resting(options: QueueOptions, version: tuple[int, ...]) -> dict[str, str | int]:
    arguments: dict[str, str | int] = {"x-queue-type": options.kind}
    if options.kind == QUORUM and version >= (4,):
        arguments["x-delivery-limit"] = -1  # 4.x would drop a dead letter that was looked at 20 times
    return arguments
