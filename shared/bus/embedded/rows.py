"""A Message as the columns of a row, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.bus.embedded.schema import MESSAGE
from shared.bus.port import Message

MARKS = ", ".join("?" for _ in MESSAGE.split(","))


def message_values(message: Message) -> tuple[object, ...]:
    """The values for the columns named in `schema.MESSAGE`."""
    headers = json.dumps(dict(message.headers)) if message.headers else ""
    return (
        message.id,
        message.body,
        message.content_type,
        message.key,
        message.priority,
        message.expires_at,
        headers,
    )


def message_from(row: Sequence[Any]) -> Message:
    """The message whose columns, in the order of `schema.MESSAGE`, are `row`."""
    message_id, body, content_type, key, priority, expires_at, headers = row
    return Message(message_id, body, content_type, key, priority, expires_at, json.loads(headers) if headers else {})
