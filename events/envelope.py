"""CloudEvents 1.0 (specification 1.0.2): bytes <-> `Envelope` <-> typed event. One error: `DecodeError`.

Structured JSON is the one form on the wire; the binary and the batched form are understood at the HTTP edge.
Stricter than the specification in one point: an event whose type is not in `events.registry` is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from events.event import Event
from events.jsontext import JsonError, dumps, loads
from events.registry import EVENTS

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
#: The extensions that the house uses; others travel untouched.
EXTENSIONS = (
    "tenantid",
    "correlationid",
    "causationid",
    "agentrole",
    "traceparent",
    "partitionkey",
    "expirytime",
)
#: In it an event brings the access token of who sends it, where nothing around the event can. Only a door reads it, and
#: it goes no further.
TOKEN = "authtoken"
_CORE = {"specversion", "id", "source", "type", "time", "subject", "dataschema", "datacontenttype"}
_NAME = re.compile(r"[a-z0-9]{1,40}\Z")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z"
)
_JSON_TYPE = re.compile(r"[a-z]+/(?:[\w.-]+\+)?json\Z")


class DecodeError(ValueError):
    """Raised when bytes are not an event that the house knows. Keeps the raw bytes, so that nothing is lost."""

    def __init__(self, reason: str, raw: bytes, field_name: str = "") -> None:
        """`reason` names the rule, `field_name` the attribute or the path inside `data`."""
        super().__init__(f"{field_name}: {reason}" if field_name else reason)
        self.reason = reason
        self.field_name = field_name
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Envelope:
    """One CloudEvent. `event` is the typed data; `time` is aware, as read in UTC; empty strings mean "not given"."""

    id: str
    source: str
    event: Event
    time: datetime | None = None
    subject: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The wire type of the event inside."""
        return self.event.wire_type()

    @property
    def tenant(self) -> str:
        """The tenant that the event belongs to, or ""."""
        return self.extensions.get("tenantid", "")

    @property
    def correlation(self) -> str:
        """What all events of one story share: the id of its first one."""
        return self.extensions.get("correlationid", "") or self.id

    def attributes(self) -> dict[str, Any]:
        """All of the structured form but its data, as a JSON object."""
        head: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
        }
        if self.time is not None:
            head["time"] = self.time.isoformat().replace("+00:00", "Z")
        if self.subject:
            head["subject"] = self.subject
        head["datacontenttype"] = "application/json"
        head.update(self.extensions)
        return head

    def to_dict(self) -> dict[str, Any]:
        """The structured form as a JSON object."""
        return self.attributes() | {"data": self.event.model_dump(mode="json")}

    def encode(self) -> bytes:
        """The structured form as bytes (`application/cloudevents+json`)."""
        return dumps(self.to_dict()).encode()


def decode(raw: bytes) -> Envelope:
    """Read one event in structured mode. Raises `DecodeError`."""
    return from_dict(_json(raw), raw)


def decode_batch(raw: bytes) -> list[Envelope | DecodeError]:
    """Read a batch: each event answers for itself, so a bad one is returned as its `DecodeError` in its place.

    Raises `DecodeError` when the batch as a whole is not a JSON array.
    """
    items = _json(raw)
    if not isinstance(items, list):
        raise DecodeError("a batch is a JSON array", raw)
    results: list[Envelope | DecodeError] = []
    for item in items:
        try:
            results.append(from_dict(item, b""))
        except DecodeError as error:
            results.append(DecodeError(error.reason, dumps(item).encode(), error.field_name))
    return results


def encode_batch(envelopes: Sequence[Envelope]) -> bytes:
    """Write a batch (`application/cloudevents-batch+json`)."""
    return dumps([envelope.to_dict() for envelope in envelopes]).encode()


def decode_http(headers: Mapping[str, str], body: bytes) -> list[Envelope | DecodeError]:
    """Read what an HTTP request carries, in any of the three content modes (CloudEvents HTTP binding 1.0.2, 3).

    `headers` has lower-case names. Raises `DecodeError` when the request is none of the three.
    """
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == BATCH:
        return decode_batch(body)
    if content_type == STRUCTURED:
        return [decode(body)]
    if content_type.startswith("application/cloudevents"):
        raise DecodeError(f"the event format {content_type} is not JSON", body, "content-type")
    if "ce-specversion" not in headers and "ce-id" not in headers:
        raise DecodeError(f"send a CloudEvent: content-type {STRUCTURED}, or ce- headers", body, "content-type")
    return [_from_binary(headers, body, content_type)]


def _from_binary(headers: Mapping[str, str], body: bytes, content_type: str) -> Envelope:
    head: dict[str, Any] = {
        name[3:]: urllib.parse.unquote(value) for name, value in headers.items() if name.startswith("ce-")
    }
    if content_type and not _JSON_TYPE.match(content_type):
        raise DecodeError(f"data of type {content_type} is not JSON", body, "content-type")
    head["data"] = _json(body) if body else None
    return from_dict(head, body)


def from_dict(head: Any, raw: bytes) -> Envelope:
    """Check a CloudEvent in its JSON form and give it its type. `raw` goes into the error. Raises `DecodeError`."""
    if not isinstance(head, dict):
        raise DecodeError("an event is a JSON object", raw)
    for name in ("specversion", "id", "source", "type"):
        _text(head, name, raw, required=True)
    if head["specversion"] != "1.0":
        raise DecodeError("must be 1.0", raw, "specversion")
    kind = EVENTS.get(head["type"])
    if kind is None:
        raise DecodeError(f"the type {head['type'][:120]!r} is not known here", raw, "type")
    content_type = _text(head, "datacontenttype", raw).partition(";")[0].strip().lower()
    if content_type and not _JSON_TYPE.match(content_type):
        raise DecodeError("must be a JSON media type", raw, "datacontenttype")
    return Envelope(
        id=head["id"],
        source=head["source"],
        event=_event(kind, _data(head, raw), raw),
        time=_time(_text(head, "time", raw), "time", raw),
        subject=_text(head, "subject", raw),
        extensions=_extensions(head, raw),
    )


def _json(raw: bytes) -> Any:
    try:
        return loads(raw)
    except JsonError as error:
        raise DecodeError(str(error), raw) from None


def _text(head: dict[str, Any], name: str, raw: bytes, *, required: bool = False) -> str:
    value = head.get(name)
    if value is None and not required:
        return ""
    # Bytes, since id and source together are a key of the store, and PostgreSQL's have 2,704 bytes at most.
    if not isinstance(value, str) or not value or len(value.encode(errors="surrogatepass")) > 1000:
        raise DecodeError("must be a text of 1 to 1000 bytes in UTF-8", raw, name)
    if not value.isprintable():
        raise DecodeError("must hold no control characters", raw, name)
    return value


def _time(text: str, name: str, raw: bytes) -> datetime | None:
    if not text:
        return None
    if not _TIME.match(text):
        raise DecodeError("must be an RFC 3339 time with its offset", raw, name)
    whole, dot, rest = text.partition(".")
    if dot:  # RFC 3339 allows more digits than a datetime keeps
        digits = re.match(r"\d+", rest)
        assert digits is not None
        text = f"{whole}.{digits[0][:6]:0<6}{rest[digits.end() :]}"
    try:
        # In UTC, as it is stored: one moment has one text, whatever hashes it.
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # OverflowError: its UTC lies outside the years 1 to 9999
        raise DecodeError(f"must be a time that exists ({error})", raw, name) from None


def _data(head: dict[str, Any], raw: bytes) -> Any:
    if "data_base64" not in head:
        return head.get("data")
    if "data" in head:
        raise DecodeError("data and data_base64 exclude each other", raw, "data")
    try:
        return loads(base64.b64decode(head["data_base64"], validate=True))
    except (TypeError, ValueError, binascii.Error) as error:
        raise DecodeError(f"must be base64 of JSON ({error})", raw, "data_base64") from None


def _extensions(head: dict[str, Any], raw: bytes) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, value in head.items():
        if name in _CORE or name in ("data", "data_base64") or value is None:
            continue
        if not _NAME.match(name):
            raise DecodeError("an attribute name is of a-z and 0-9", raw, name[:60])
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int):
            value = str(value)
        head[name] = value
        result[name] = _text(head, name, raw)
    _time(result.get("expirytime", ""), "expirytime", raw)
    return result


def _event(kind: type[Event], data: Any, raw: bytes) -> Event:
    if not isinstance(data, dict):
        raise DecodeError("must be a JSON object", raw, "data")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise DecodeError(first["msg"], raw, f"data.{path}" if path else "data") from None
