"""A message as a Kafka record and back.

The body is the record's value and `content-type` a header, as the CloudEvents Kafka binding has it in structured mode
(CloudEvents 1.0.2, Kafka protocol binding, 3.3); what else a message carries goes in headers that begin with `bus-`.
A record that somebody else wrote has none of them: it is named by its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.bus.port import Message
from shared.errors import Invalid

RESERVED = "bus-"
_LOG_APPEND_TIME = 1  # of a record batch's attributes, bit 3 (Kafka protocol, "Record Batch")
_ID, _PRIORITY, _EXPIRES, _CONTENT = "bus-id", "bus-priority", "bus-expires", "content-type"
Headers = list[tuple[str, bytes]]


class Row(NamedTuple):
    """A record as it was read: of it, only what the house needs is kept."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    stamped: bool = False

    @property
    def taken_at(self) -> float | None:
        """When the broker took it, where the topic keeps the broker's time (`message.timestamp.type`)."""
        return self.timestamp / 1000 if self.stamped else None


def row_of(record: Any) -> Row:
    """From kafka-python's `ConsumerRecord`."""
    place = record.topic, record.partition, record.offset
    stamped = record.timestamp_type == _LOG_APPEND_TIME
    return Row(*place, record.timestamp, record.key, record.value, record.headers or (), stamped)


def headers_of(message: Message) -> Headers:
    """The headers of a message's record. Invalid for a header of its own that begins with `bus-`."""
    found: Headers = [(_ID, message.id.encode()), (_CONTENT, message.content_type.encode())]
    if message.priority:
        found.append((_PRIORITY, str(message.priority).encode()))
    if message.expires_at is not None:
        found.append((_EXPIRES, repr(message.expires_at).encode()))
    for name, value in message.headers.items():
        if name.startswith(RESERVED) or name == _CONTENT:
            raise Invalid.field(f"headers[{name}]", "is a name that the bus keeps for itself")
        found.append((name, value.encode()))
    return found


def message_of(row: Row) -> Message:
    """The message in a record; never fails, for what others write is judged by who reads it."""
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in row.headers}
    return Message(
        id=told.get(_ID) or f"{row.topic}-{row.partition}-{row.offset}",
        body=row.value or b"",
        content_type=told.get(_CONTENT) or Message.content_type,
        key=(row.key or b"").decode("utf-8", "replace"),
        priority=_priority(told.get(_PRIORITY, "")),
        expires_at=_number(told.get(_EXPIRES, "")),
        headers={name: text for name, text in told.items() if not name.startswith(RESERVED) and name != _CONTENT},
    )


def _priority(text: str) -> int:
    return min(255, int(text)) if text.isascii() and text.isdecimal() else 0


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
