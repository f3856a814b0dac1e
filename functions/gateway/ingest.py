"""POST /events: domain events from backends, as CloudEvents in any content mode, or as Saleor's webhook sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from events.commerce import OrderPlaced
from events.envelope import BATCH, STRUCTURED, DecodeError, Envelope, decode_http
from events.jsontext import JsonError, loads
from functions.gateway.accept import WELCOME, accept
from shared.errors import Forbidden, HouseError, Invalid, Malformed
from shared.runtime.http import ServicesNow, operation_router
from shared.runtime.services import Services

router = operation_router()


class Received(BaseModel):
    """What became of one event: accepted (202), or refused with the rule it broke."""

    id: str
    status: int
    detail: str = ""


class Receipt(BaseModel):
    """One entry for each event, in the order of the request."""

    events: list[Received]


_TEXT = {"type": "string", "minLength": 1, "maxLength": 1000}
_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _TEXT,
        "source": _TEXT,
        "type": {"type": "string", "enum": sorted(event.wire_type() for event in WELCOME)},
        "time": {"type": ["string", "null"], "format": "date-time"},
        "subject": _TEXT | {"type": ["string", "null"]},
        "data": {"type": "object"},
    },
}
_BODY = {
    "required": True,
    "content": {
        STRUCTURED: {"schema": _EVENT},
        BATCH: {"schema": {"type": "array", "items": _EVENT}},
        "application/json": {
            "schema": {
                "type": ["object", "array"],
                "description": "The data of an event whose attributes stand in `ce-` headers (binary mode); with "
                "`Saleor-Event: order_created` the body of Saleor's webhook",
            }
        },
    },
}


@router.post(
    "/events",
    status_code=202,
    response_model=Receipt,
    responses={207: {"model": Receipt, "description": "Each event of the batch answered for itself"}},
    openapi_extra={"requestBody": _BODY},
)
def ingest(services: ServicesNow) -> Any:
    """Accept events. A single bad one is refused; in a batch each answers for itself (207)."""
    items = read(services.request_headers, services.request_body)
    services.unit.write()  # two copies at once queue up here, and the second one sees the first
    received = [_received(services, item) for item in items]
    if len(items) == 1 and isinstance(received[0], HouseError):
        raise received[0]
    entries = [item if isinstance(item, Received) else _refused(item) for item in received]
    answer = Receipt(events=entries)
    if all(entry.status == 202 for entry in entries):
        return answer
    return JSONResponse(answer.model_dump(), 207)


def read(headers: Mapping[str, str], body: bytes) -> list[Envelope | DecodeError]:
    """The events of a request. Raises `Malformed` when it carries none."""
    if "saleor-event" in headers:
        return [from_saleor(headers["saleor-event"], body)]
    try:
        return decode_http(headers, body)
    except DecodeError as error:
        raise Malformed(str(error)) from None


def from_saleor(kind: str, body: bytes) -> Envelope:
    """Saleor's ORDER_CREATED body as OrderPlaced; the id is the order's, so a repeated webhook is one event."""
    from shared.tools.saleor import order_from_saleor

    if kind != "order_created":
        raise Invalid.field("Saleor-Event", f"{kind!r} is not taken here; order_created is")
    try:
        order: dict[str, Any] = order_from_saleor(loads(body))
    except JsonError as error:
        raise Malformed(str(error)) from None
    event = OrderPlaced(
        order_id=order["order_id"],
        amount=order["amount"],
        currency=order["currency"],
        email=order.get("email") or "",
        order=order,
    )
    return Envelope(id=f"{order['order_id']}:{kind}", source="/saleor", event=event, subject=order["order_id"])


def _received(services: Services, item: Envelope | DecodeError) -> Received | HouseError:
    try:
        return Received(id=accept(services, item).id, status=202)
    except (Invalid, Forbidden) as error:
        return error


def _refused(error: HouseError) -> Received:
    return Received(id="", status=error.status, detail=error.detail)
