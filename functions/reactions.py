"""What each of the 24 domain events starts, for people: `docs/events.md`, and one line for each in the checks.

python -m functions.reactions     every event and what it starts, or which role is yet to come; 1 if the table is wrong
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from events.event import Event
from events.registry import DOMAIN
from shared.agents.roles import roles
from shared.coordination.starts import OWN, STARTS, Start, starts_of

HEAD = """<!-- Generated from shared/coordination/starts.py by scripts/generate. Do not edit. -->
# The 24 domain events

What a backend publishes ([how](publishing.md)), where it goes, and the work that it starts. *No role yet*: the event is
put on the record and starts nothing until the role's file is there. The last three are said by the platform alone.

| event | type | topic | starts |
|---|---|---|---|
"""


def document() -> str:
    """The page as Markdown."""
    ordered = sorted(DOMAIN, key=OWN.__contains__)
    return HEAD + "".join(
        f"| {event.__name__} | `{event.wire_type()}` | `{event.TOPIC}` | {'<br>'.join(told(event))} |\n"
        for event in ordered
    )


def told(event: type[Event]) -> list[str]:
    """What an event starts, each in words; never empty for an event of the table."""
    if event in OWN:
        return [OWN[event]]
    return [_in_words(start) for start in starts_of(event)]


def _in_words(start: Start) -> str:
    if start.role not in roles():
        return f"no role yet: {start.role} ({start.type}, {start.queue})"
    again = ", if an order waits for it" if start.again else ""
    return f"{start.role} ({start.type}, {start.queue}){again}"


def problems(starts: Sequence[Start] = STARTS) -> Iterable[str]:
    """All that is wrong with the table: an event that is in no row, a row that its role would not do."""
    known = {start.event for start in starts} | OWN.keys()
    for event in DOMAIN:
        if event not in known:
            yield f"{event.__name__}: nothing says what it starts"
    for start in starts:
        role = roles().get(start.role)
        if role is None:
            continue
        if start.type not in role.task_types:
            yield f"{start.event.__name__}: {role.name} does no tasks of the type {start.type}"
        if start.queue != role.queue:
            yield f"{start.event.__name__}: {role.name} works on {role.queue}, not on {start.queue}"


def main() -> int:
    """Print the table; returns the exit code."""
    for event in DOMAIN:
        for words in told(event) or ["NOTHING: it must stand in shared/coordination/starts.py"]:
            print(f"{event.__name__:<18} {words}")
    found = list(problems())
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
