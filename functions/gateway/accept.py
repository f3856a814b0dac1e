"""What both doors do with an event of a backend: `POST /events` and the topic `domain.incoming`.

1. It is one that a backend may tell: of its own context, in its own name, with its data in it.
2. Nothing that nobody may keep goes on; the tenant and the actor are those of the token.
3. What it starts could begin: a bad field is refused here, in the event's own words.
4. The same event (tenant, source, id) comes in once, by whichever door.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from events.envelope import TOKEN, DecodeError, Envelope
from events.event import Event
from events.registry import DOMAIN
from shared.coordination.reactions import check
from shared.coordination.starts import OWN
from shared.errors import Forbidden, Invalid, Malformed, TooLarge
from shared.objects.claim import ATTRIBUTE
from shared.runtime import outbox
from shared.runtime.services import Services
from shared.tools.sensitive import forbidden, mask_sensitive

#: A backend says what happened in its own context; what happens in ours is said by us.
WELCOME = frozenset(event for event in DOMAIN if event not in OWN)
#: Whose inbox remembers what came in, by both doors.
DOOR = "gateway-ingest"
#: What the caller does not say of itself, and what ends here.
_OURS = ("tenantid", "actorid", TOKEN)


def accept(services: Services, item: Envelope | DecodeError) -> Envelope:
    """Let one event in, of the tenant and in the name of `services.context`; returns it as it goes on.

    Raises `Malformed`, `Invalid` or `TooLarge` with the rule that it breaks, `Forbidden` for another tenant's. Two at
    once must queue up before: `services.unit.write()`.
    """
    _may_come_in(services, item)
    assert isinstance(item, Envelope)
    kept = _owned(replace(item, event=_masked(item.event)), services)
    check(kept.event, kept.time or services.now(), services.tenants, services.context.tenant)
    if len(kept.encode()) > services.settings.body_limit:  # as it travels: nobody could read it
        raise TooLarge(f"with its attributes the event has more than {services.settings.body_limit} bytes")
    if not outbox.was_handled(services.unit, DOOR, kept):
        outbox.note_handled(services.unit, DOOR, kept, services.now())
        services.forward(kept)
    return kept


def _may_come_in(services: Services, item: Envelope | DecodeError) -> None:
    if isinstance(item, DecodeError):
        raise Malformed(str(item))
    if not services.context.tenant:
        raise Forbidden("the token is of no tenant: an event belongs to one")
    if item.tenant not in ("", services.context.tenant):
        raise Forbidden("tenantid: the tenant is the token's; leave it out")
    if type(item.event) not in WELCOME:
        raise Invalid.field("type", f"{item.type} is said by the platform itself; it is not taken from outside")
    if ATTRIBUTE in item.extensions:
        raise Invalid.field(ATTRIBUTE, "send the data itself: a reference is not followed")
    if item.source.startswith("/bizosaas/"):
        raise Invalid.field("source", "/bizosaas/ is the platform's own")


def _masked(event: Event) -> Event:
    """The event without card numbers, IBANs and verification codes: from here on it is kept in many places, the
    record among them. Its own ids stay, for they tell things apart. What was masked travels with the event, so that
    the work that it starts stops at a human."""
    given = event.model_dump()
    found = mask_sensitive({name: value for name, value in given.items() if not name.endswith("_id")})
    if not found.findings:
        return event
    clean = given | found.clean
    clean["masked"] = [*clean["masked"], *(text[:1000] for text in forbidden(found.findings))]
    try:
        return type(event).model_validate(clean)
    except ValidationError:
        raise Invalid.field("data", "holds a card number where another value belongs") from None


def _owned(item: Envelope, services: Services) -> Envelope:
    given = {name: value for name, value in item.extensions.items() if name not in _OURS}
    own = {"tenantid": services.context.tenant, "actorid": services.context.actor}
    own["partitionkey"] = given.get("partitionkey") or item.event.aggregate() or services.context.tenant
    return replace(item, time=item.time or services.now(), extensions={**given, **own})
