"""What a domain event means as work: the tasks that it starts, by the table in `shared.coordination.starts`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from events.event import Event
from shared.agents.roles import roles
from shared.coordination.starts import Start, starts_of
from shared.coordination.tenants import Tenants
from shared.errors import Invalid, Problem

#: The free part of an event, by the names that it has.
FREE = ("attributes", "order")
_LIST = "[]"


def begins(start: Start, source: str = "") -> bool:
    """Whether a row's role exists, and is not the one that told of the event (`source`): no role starts itself."""
    return start.role in roles() and source != f"/bizosaas/agent-{start.role.replace('_', '-')}"


def data_of(start: Start, event: Event, time: datetime) -> dict[str, Any]:
    """The data of the task that a row starts: JSON, and the free part as it came. `time` is the event's own."""
    free = next((dict(getattr(event, name)) for name in FREE if name in type(event).model_fields), {})
    given = event.model_dump(mode="json", exclude={"masked", *FREE})
    given["time"] = time.isoformat()
    own: dict[str, Any] = {}
    for name, place in places(start).items():
        if given[name] not in (None, "", []):
            put(own, place, given[name])
    for place, value in start.fixed.items():
        put(own, place, value)
    data: dict[str, Any] = {}
    if start.into:
        put(data, start.into, free)
    else:
        data = free
    return over(data, own)


def places(start: Start) -> dict[str, str]:
    """Where each field of a row's event goes."""
    beside = {name: f"{start.into}.{name}".lstrip(".") for name in start.event.model_fields}
    return {**{name: place for name, place in beside.items() if name not in ("masked", *FREE)}, **start.named}


def put(data: dict[str, Any], place: str, value: Any) -> None:
    """Set a place (`login.ip`, `proofs[].at`) in data that is being made of such places only."""
    *way, last = place.split(".")
    for step in way:
        data = _inside(data, step)
    if last.endswith(_LIST):
        data[last.removesuffix(_LIST)] = [value]
    else:
        data[last] = value


def _inside(data: dict[str, Any], step: str) -> dict[str, Any]:
    found: dict[str, Any]
    if step.endswith(_LIST):
        (found,) = data.setdefault(step.removesuffix(_LIST), [{}])
    else:
        found = data.setdefault(step, {})
    return found


def over(under: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Two objects as one: what `upper` says counts, within objects and within lists of one object too."""
    whole = dict(under)
    for name, value in upper.items():
        whole[name] = _over(whole.get(name), value)
    return whole


def _over(under: Any, upper: Any) -> Any:
    match under, upper:
        case dict(), dict():
            return over(under, upper)
        case [dict(first)], [dict(second)]:
            return [over(first, second)]
    return upper


def check(event: Event, time: datetime, tenants: Tenants, tenant: str) -> None:
    """Whether the tasks that an event starts could begin: who sends it should hear of a bad field, not find it among
    the dead letters. Of rows whose role is yet to come, too: what is good today is good tomorrow.

    Raises `Invalid` naming every bad field of the event (`data.value`, `data.attributes.vip_customer`).
    """
    from shared.escalation.classify import check as check_fields

    problems: dict[Problem, None] = {}
    for start in starts_of(type(event)):
        if start.again:
            continue  # its data are those of a task that was judged, and the payments
        try:
            check_fields(start.type, data_of(start, event, time), tenants.policy(tenant))
        except Invalid as error:
            problems |= {Problem(f"data.{_field(start, one.field)}", one.rule): None for one in error.problems}
    if problems:
        raise Invalid.together(problems)


def _field(start: Start, place: str) -> str:
    """The field of the event that is at a place of the data, or the one of its free part."""
    name = place.removeprefix("data.")
    found = next((field for field, its in places(start).items() if its == name), "")
    free = next((each for each in FREE if each in start.event.model_fields), "")
    return found or f"{free}.{name}".lstrip(".")
