"""A Message as RabbitMQ carries it, and back: properties and headers.

Headers of ours have plain names, for a connector that makes CloudEvents attributes of them refuses others. Numbers with
fractions travel as text, for pika's tables know none.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.topology import QueueSpec
from shared.bus.port import EXPIRED, DeadLetter, Message

_LONGEST_REASON = 2000  # characters; all headers of a message must fit into one frame
_PERSISTENT = 2


@dataclass(frozen=True)
class Parcel:
    """A message and its history: `copy` tells this sending of it from others, `attempts` counts the deliveries that
    ended in a retry, `dies_at` (seconds since the epoch) ends its time to live."""

    message: Message
    copy: str
    attempts: int
    dies_at: float


def new_parcel(message: Message, spec: QueueSpec, now: float) -> Parcel:
    """A message that starts anew. Copies of later sendings have later names."""
    dies_at = now + spec.ttl_seconds
    if message.expires_at is not None:
        dies_at = min(dies_at, message.expires_at)
    return Parcel(message, f"{time.time_ns():016x}{secrets.token_hex(4)}", 0, dies_at)


def properties(parcel: Parcel, spec: QueueSpec, lives: float | None, more: Mapping[str, str] | None = None) -> Any:
    """pika's properties of a parcel. It may stay `lives` seconds where it is sent to; None: as long as that says."""
    from pika import BasicProperties

    message = parcel.message
    headers: dict[str, Any] = {
        "copy": parcel.copy,
        "attempts": parcel.attempts,
        "diesat": repr(parcel.dies_at),
        "key": message.key,
        "rank": message.priority,
        **(more or {}),
    }
    if message.headers:
        headers["headers"] = dict(message.headers)
    if message.expires_at is not None:
        headers["expiresat"] = repr(message.expires_at)
    return BasicProperties(
        content_type=message.content_type,
        headers=headers,
        delivery_mode=_PERSISTENT,
        priority=min(message.priority, spec.priority),
        expiration=None if lives is None else str(max(0, round(lives * 1000))),
        message_id=message.id,
    )


def death(reason: str, now: float) -> dict[str, str]:
    """The headers that say why and when a message was buried."""
    return {"reason": reason[:_LONGEST_REASON], "diedat": repr(now)}


def read_parcel(given: Any, body: bytes, spec: QueueSpec, now: float) -> Parcel:
    """What arrived, from us or from somebody who set nothing but a body: that one gets an id from its content."""
    headers = given.headers or {}
    expires_at = _number(headers.get("expiresat"))
    message = Message(
        id=given.message_id or hashlib.sha256(body).hexdigest(),
        body=body,
        content_type=given.content_type or Message.content_type,
        key=str(headers.get("key", "")),
        priority=min(255, _count(headers.get("rank", given.priority))),
        expires_at=expires_at,
        headers=headers.get("headers") or {},
    )
    copy = str(headers.get("copy") or hashlib.sha256(body).hexdigest())
    dies_at = _number(headers.get("diesat"))
    if dies_at is None:
        dies_at = now + spec.ttl_seconds
    return Parcel(message, copy, _count(headers.get("attempts")), dies_at)


def read_dead_letter(given: Any, body: bytes, spec: QueueSpec) -> DeadLetter:
    """What rests in a dead-letter queue, buried by us or by the broker (which writes `x-death`, latest first)."""
    headers = given.headers or {}
    parcel = read_parcel(given, body, spec, 0.0)
    reason, died_at = headers.get("reason"), _number(headers.get("diedat"))
    if reason is None or died_at is None:
        deaths = [one for one in headers.get("x-death", []) if one.get("queue") == spec.name]
        word = str(deaths[0].get("reason", "")) if deaths else "unknown"
        reason = EXPIRED if word == "expired" else word.replace("_", " ")
        died_at = _epoch(deaths[0].get("time")) if deaths else 0.0
    return DeadLetter(f"{spec.name}.{parcel.copy}", spec.name, parcel.message, reason, parcel.attempts, died_at)


def _count(number: Any) -> int:
    return number if isinstance(number, int) and number > 0 else 0


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _epoch(moment: Any) -> float:
    """pika reads AMQP's timestamps as naive UTC datetimes."""
    from datetime import UTC

    return float(moment.replace(tzinfo=UTC).timestamp()) if moment is not None else 0.0
