"""Run an event function: once for each event, all or nothing, each event answered for itself.

The order, for one event:
 1. It was handled before (inbox): done, nothing is called.
 2. `handle` runs. Until it first writes, no lock is held: a model may take its time.
 3. Its changes, the inbox row and the events it returned are committed together. A copy of the event that
    committed first makes this one's inbox row collide: all of it is undone and the answer is "done".
 4. The events are sent; what cannot be sent now is left to the relay.
A call that changed nothing and returned nothing leaves no inbox row: running it again is harmless.

Of a batch all are first tried together, as if none of them were bad or a copy, with few statements for all. Does one
turn out to be, then all of that is undone, and each is handled by itself, in a transaction of its own: what one of them
locks (a tenant's waiting requests, while they are ranked) must not stay locked until all of the others are done. So it
is with a timer's event that is meant for many tenants.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from events.envelope import DecodeError, Envelope
from events.work import TimerFired
from shared.contract import Caller, Context, FunctionSpec
from shared.errors import Failed, Forbidden, HouseError, Invalid, Malformed, TryAgain
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.load import accepted, load
from shared.runtime.services import Services
from shared.store.database import Unit, translate

log = logging.getLogger("runtime")


class Outcome(NamedTuple):
    """What became of one event: None is done, an error says what and whether to come again."""

    error: HouseError | None = None

    @property
    def status(self) -> int:
        """The HTTP status of this one event."""
        return 204 if self.error is None else self.error.status


DONE = Outcome()
_STORE = "orchestration"
#: The part of its time in which a timer's call begins with another tenant.
_ROUND = 0.7


def process(
    spec: FunctionSpec, items: Sequence[Envelope | DecodeError], caller: Caller, attempt: int = 0
) -> list[Outcome]:
    """Handle events, all in one transaction where that goes; returns one outcome an event, in order. One event's fault
    undoes nothing of the others."""
    outgoing: list[outbox.Outgoing] = []
    outcomes = _together(spec, items, caller, attempt, outgoing) if len(items) > 1 else None
    if outcomes is None:
        outcomes = [_each(spec, item, caller, attempt, outgoing) for item in items]
    if outgoing:
        outbox.send(spec.store or _STORE, outgoing, outbox.publisher())
    return outcomes


def _together(
    spec: FunctionSpec,
    items: Sequence[Envelope | DecodeError],
    caller: Caller,
    attempt: int,
    outgoing: list[outbox.Outgoing],
) -> list[Outcome] | None:
    """All events, and their inbox and outbox rows at once. None, and nothing was done, when one of them fails or was
    handled before."""
    unit = Unit(spec.store or _STORE)
    handled = []
    rows: list[outbox.Outgoing] = []
    try:
        for place in _tenant_by_tenant(items):
            item = _admitted(items[place], caller)
            said = _handle(spec, unit, item, attempt)
            if said is not None:
                handled.append(item)
                rows.extend(said)
        _note(spec, unit, handled, rows)
    except Exception as error:  # noqa: BLE001  # the boundary of a batch: each of it answers for itself
        unit.close()
        if isinstance(error, SQLAlchemyError) and translate(error) is not None:
            # The database's own trouble would be everybody's again.
            return [Outcome(as_house_error(spec, error))] * len(items)
        return None
    try:
        unit.commit()
    except Exception as error:  # noqa: BLE001  # whatever the commit says, all come again
        return [Outcome(as_house_error(spec, error))] * len(items)
    finally:
        unit.close()
    outgoing.extend(rows)
    return [DONE] * len(items)


def _tenant_by_tenant(items: Sequence[Envelope | DecodeError]) -> list[int]:
    """The places of the events, the tenants in the one order in which all batches take what is a tenant's alone (its
    chain, its desk): two batches never wait for each other. Within a tenant they stay as they came."""
    tenants = [item.tenant if isinstance(item, Envelope) else "" for item in items]
    return sorted(range(len(items)), key=tenants.__getitem__)


def _each(
    spec: FunctionSpec, item: Envelope | DecodeError, caller: Caller, attempt: int, outgoing: list[outbox.Outgoing]
) -> Outcome:
    """One event; a timer's as one for each tenant that the function names, if it names any. Tenants for whom the call's
    time is too short wait for the next firing; not always the same ones, for their order is another each time. The
    first error of a tenant is that of the event."""
    if not (isinstance(item, Envelope) and isinstance(item.event, TimerFired)):
        return _one(spec, item, caller, attempt, outgoing)
    until = time.monotonic() + spec.timeout * _ROUND
    try:
        tenants = _whose(spec, _admitted(item, caller), attempt)
    except Exception as error:  # noqa: BLE001  # the boundary of a function
        return Outcome(as_house_error(spec, error))
    if tenants is None:
        return _one(spec, item, caller, attempt, outgoing)
    outcomes: list[Outcome] = []
    for tenant in random.sample(tenants, len(tenants)):
        if time.monotonic() > until:
            log.warning("%s had time for %d of %d tenants", spec.name, len(outcomes), len(tenants))
            break
        own = replace(item, extensions={**item.extensions, "tenantid": tenant})
        outcomes.append(_one(spec, own, caller, attempt, outgoing))
    return next((outcome for outcome in outcomes if outcome.error), DONE)


def _whose(spec: FunctionSpec, item: Envelope, attempt: int) -> list[str] | None:
    """The tenants that a function names for its timer; None when it works for the platform as a whole."""
    named = getattr(load(spec), "tenants_due", None)
    if named is None or item.tenant:
        return None
    unit = Unit(spec.store or _STORE)
    try:
        return list(named(Services(spec, context_of(item, attempt), unit)))
    finally:
        unit.close()


def _one(
    spec: FunctionSpec, item: Envelope | DecodeError, caller: Caller, attempt: int, outgoing: list[outbox.Outgoing]
) -> Outcome:
    """One event in a transaction of its own."""
    unit = Unit(spec.store or _STORE)
    try:
        event = _admitted(item, caller)
    except HouseError as error:
        return Outcome(error)
    try:
        rows = None if _known(spec, unit, event, attempt) else _handle(spec, unit, event, attempt)
        if rows is not None:
            _note(spec, unit, [event], rows)
        unit.commit()
    except Exception as error:  # noqa: BLE001  # the boundary of a function: one event's fault must not fall on its neighbours
        unit.close()
        return _undone(spec, unit, event, error)
    finally:
        unit.close()
    outgoing.extend(rows or ())
    return DONE


def _undone(spec: FunctionSpec, unit: Unit, event: Envelope, error: Exception) -> Outcome:
    """What became of an event whose changes were undone. A copy that lost the race meets a row that is there, or a task
    that went on: it is done."""
    refused = isinstance(error, HouseError) and not isinstance(error, TryAgain)
    try:
        if (refused or isinstance(error, IntegrityError)) and outbox.was_handled(unit, spec.name, event):
            return DONE
    except SQLAlchemyError as lost:  # whether it was done cannot be seen now
        return Outcome(as_house_error(spec, lost))
    return Outcome(as_house_error(spec, error))


def _known(spec: FunctionSpec, unit: Unit, item: Envelope, attempt: int) -> bool:
    """Whether it was handled before. Work that comes for the first time is not looked up, which would cost each a
    statement, and `dispatch` its only one: a copy of it (a second sending after a crash) is handled, collides with the
    first one's inbox row, and is undone whole. Facts are: to read a topic again from its start repeats them all."""
    first_time_of_work = attempt == 1 and bool(item.event.QUEUE)
    return not first_time_of_work and outbox.was_handled(unit, spec.name, item)


def _admitted(item: Envelope | DecodeError, caller: Caller) -> Envelope:
    if isinstance(item, DecodeError):
        raise Malformed(f"not an event of this house: {item}")
    if caller.tenant and item.tenant != caller.tenant:
        raise Forbidden("the token is of another tenant than the event")
    return item


def _handle(spec: FunctionSpec, unit: Unit, item: Envelope, attempt: int) -> list[outbox.Outgoing] | None:
    """What the function said; None when it changed nothing and said nothing."""
    handle = load(spec).handle
    if not isinstance(item.event, accepted(handle)):
        raise Invalid.field("type", f"{spec.name} does not take {item.type}")
    services = Services(spec, context_of(item, attempt), unit)
    events = list(handle(item.event, services))
    if not events and not unit.dirty:
        return None
    return outbox.stamp(events, spec.name, services.context, services.now())


def _note(spec: FunctionSpec, unit: Unit, handled: Sequence[Envelope], rows: Sequence[outbox.Outgoing]) -> None:
    """All that is committed with the changes."""
    unit.flush()
    outbox.note_all_handled(unit, spec.name, handled, utc_now())
    outbox.write(unit, rows)


def context_of(item: Envelope, attempt: int) -> Context:
    """Which call an event makes; `attempt` counts its deliveries."""
    return Context(
        id=item.id,
        source=item.source,
        tenant=item.tenant,
        actor=item.extensions.get("actorid", ""),
        correlation=item.correlation,
        time=item.time or utc_now(),
        causation=item.extensions.get("causationid", ""),
        attempt=attempt,
        traceparent=item.extensions.get("traceparent", ""),
    )


def as_house_error(spec: FunctionSpec, error: Exception) -> HouseError:
    """What a function raised, as the house says it; a fault of ours is logged."""
    if isinstance(error, HouseError):
        return error
    if isinstance(error, SQLAlchemyError):
        passing = translate(error)
        if passing is not None:
            log.warning("%s: %s", spec.name, passing.detail)
            return passing
    log.error("%s failed: %s", spec.name, type(error).__name__, exc_info=error)
    return Failed(f"{spec.name} failed unexpectedly ({type(error).__name__}); the event comes again", retry_after=1)
