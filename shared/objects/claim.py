"""An event that is too large for a message leaves its data with the objects and travels with their name.

CloudEvents calls it `dataref` (extension "Dataref (Claim Check Pattern)"): a reference to where the data is, here the
name of an object, which is the data's hash. Only the platform makes such events; one from outside is refused.
"""

from __future__ import annotations

from typing import Any

from events.jsontext import JsonError, dumps, loads
from shared.objects import objects
from shared.objects.port import Objects
from shared.settings import settings

ATTRIBUTE = "dataref"
_MARK = b'"dataref"'


def leave_data(body: bytes) -> bytes:
    """A structured event as it travels: unchanged up to the limit, above it without its data. Raises `TryAgain`."""
    if len(body) <= settings().inline_limit:
        return body
    event: dict[str, Any] = loads(body)
    event[ATTRIBUTE] = objects().put(dumps(event.pop("data")).encode())
    return dumps(event).encode()


def may_have_left(body: bytes) -> bool:
    """Whether `fetch_data` has to look into these bytes, which may mean to wait for the objects."""
    return _MARK in body


def fetch_data(body: bytes, store: Objects | None = None) -> bytes:
    """A structured event, or a batch, with the data of those that left it, from `store` or this process's objects.
    Raises what `Objects.get` raises.

    Bytes that are no such event are returned as they are: whoever decodes them says what is wrong.
    """
    if not may_have_left(body):
        return body
    try:
        value = loads(body)
    except JsonError:
        return body
    items = value if isinstance(value, list) else [value]
    left = [item for item in items if isinstance(item, dict) and ATTRIBUTE in item and "data" not in item]
    for item in left:
        item["data"] = loads((store or objects()).get(str(item.pop(ATTRIBUTE))))
    return dumps(value).encode() if left else body
