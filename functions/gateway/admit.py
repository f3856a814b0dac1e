"""The topic `domain.incoming`: one event of a backend each, let in as `POST /events` lets it in.

Who may write to a broker is nobody's identity, so each event brings an access token, in the attribute `authtoken`. It
is judged as of the moment at which the broker took the event: what waited while we were down is not too late. What is
refused is never tried again: it rests with the topic's dead letters, and the reason says which rule it broke.
"""

from __future__ import annotations

from collections.abc import Mapping

from events.envelope import STRUCTURED, TOKEN, Envelope
from functions.gateway.accept import accept
from functions.gateway.ingest import read
from shared.auth.permissions import allowed
from shared.auth.tokens import verify
from shared.contract import Caller
from shared.errors import Forbidden, Malformed, Unauthenticated
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()
PERMISSION = "events.publish"
#: When the broker took the event, in seconds since the epoch. Only the bridge calls here, so only it can say so.
ACCEPTED_AT = "x-accepted-at"


@router.post("/", status_code=204)
def admit(services: ServicesNow) -> None:
    """Let in the one event of the request. Raises what `accept` raises, `Forbidden` for its token."""
    item = _event(services.request_headers, services.request_body)
    services.speak_for(_sender(item, services.request_headers.get(ACCEPTED_AT, "")))
    services.unit.write()  # a copy by the other door queues up here
    accept(services, item)


def _event(headers: Mapping[str, str], body: bytes) -> Envelope:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != STRUCTURED:
        raise Malformed(f"content-type: this topic takes {STRUCTURED}")
    (item,) = read({"content-type": STRUCTURED}, body)
    assert isinstance(item, Envelope)  # `read` raises for a single one that is none
    return item


def _sender(item: Envelope, accepted_at: str) -> Caller:
    token = item.extensions.get(TOKEN, "")
    if not token:
        raise Forbidden(f"{TOKEN}: an event on this topic brings an access token")
    try:
        caller = verify(token, at=float(accepted_at) if accepted_at else None)
    except Unauthenticated as error:  # to the bridge a 401 is about its own token, and a reason to try again
        raise Forbidden(f"{TOKEN}: {error.detail}") from None
    if not allowed(caller.role, PERMISSION):
        raise Forbidden(f"{TOKEN}: the role {caller.role} lacks the permission {PERMISSION}")
    return caller
