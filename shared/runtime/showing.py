"""Run a function that keeps nothing: events in, entries of the live view out; no database is asked.

What it shows of all events of a call goes out together. Is Redis gone, the events come again (503) until they are
too old to be live. An entry of an event that comes twice shows once (`shared.live.streams`).
"""

from __future__ import annotations

from collections.abc import Sequence

from events.envelope import DecodeError, Envelope
from shared.contract import Caller, FunctionSpec
from shared.errors import Forbidden, Malformed, TryAgain
from shared.live import streams
from shared.live.entries import Entry
from shared.live.link import Away, link
from shared.live.streams import Shown
from shared.runtime.clock import utc_now
from shared.runtime.load import load
from shared.runtime.process import DONE, Outcome, as_house_error, context_of
from shared.runtime.services import Services
from shared.settings import settings
from shared.store.database import Unit


def show(spec: FunctionSpec, items: Sequence[Envelope | DecodeError], caller: Caller, attempt: int) -> list[Outcome]:
    """Handle events and show what they say; returns one outcome an event, in order."""
    shown: list[Shown] = []
    outcomes = [_one(spec, item, caller, attempt, shown) for item in items]
    url = settings().cache_url
    if not shown or not url:
        return outcomes
    try:
        streams.publish(link(url), shown, utc_now())
    except Away as error:
        again = Outcome(TryAgain(str(error)))
        return [again if outcome.error is None else outcome for outcome in outcomes]
    return outcomes


def _one(spec: FunctionSpec, item: Envelope | DecodeError, caller: Caller, attempt: int, shown: list[Shown]) -> Outcome:
    if isinstance(item, DecodeError):
        return Outcome(Malformed(f"not an event of this house: {item}"))
    if caller.tenant and item.tenant != caller.tenant:
        return Outcome(Forbidden("the token is of another tenant than the event"))
    services = Services(spec, context_of(item, attempt), Unit("orchestration"))
    try:
        found = list(load(spec).handle(item.event, services))
        if services.unit.dirty or not all(isinstance(entry, Entry) for entry in found):
            raise TypeError(f"{spec.name} has no store: it may show entries, and nothing else")
    except Exception as error:  # noqa: BLE001  # the boundary of a function, as in `process`
        return Outcome(as_house_error(spec, error))
    finally:
        services.unit.close()
    shown += [Shown(item.tenant, item.id, services.context.time, entry) for entry in found]
    return DONE
