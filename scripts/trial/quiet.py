"""Whether anything is still on its way in a platform. By the settings of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import func, select

from events.topology import QUEUES
from functions.catalogue import functions
from scripts.trial.engines import VARIABLE, unacknowledged
from shared.bus.port import Bus
from shared.errors import TryAgain
from shared.runtime.outbox import table
from shared.settings import CONTEXTS
from shared.store.database import Unit, database_errors

#: Who reads facts and keeps something of them: all must have read all of them before anything is counted.
GROUPS = tuple(spec.name for spec in functions() if spec.topics and spec.store)
#: RabbitMQ tells what is delivered and not acknowledged some seconds late.
LATE_SECONDS = 6.0
_PAUSE_SECONDS = 0.1


def under_way(bus: Bus, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What is not at rest, in words; what cannot be asked is not at rest."""
    try:
        for context in CONTEXTS:
            unsent = _unsent(context)
            if unsent:
                yield f"{unsent} events of {context} are not sent"
        for queue in QUEUES:
            depth = bus.depth(queue)
            for name, number in (("wait", depth.ready), ("are held", depth.leased), ("come again", depth.delayed)):
                if number:
                    yield f"{number} messages of {queue} {name}"
        held = unacknowledged(environ)
        if held:
            yield f"{held} messages are delivered and not acknowledged"
        for group in GROUPS:
            for topic, lag in bus.lag(group).items():
                if lag:
                    yield f"{group} has yet to read {lag} facts of {topic}"
    except (TryAgain, OSError) as error:
        yield f"a store cannot be asked: {error}"


def _unsent(context: str) -> int:
    outbox = table(context, "outbox")
    query = select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_(None))
    unit = Unit(context)
    try:
        with database_errors():
            return int(unit.read().execute(query).scalar_one())
    finally:
        unit.close()


def wait_until_quiet(bus: Bus, patience: float, environ: Mapping[str, str] = os.environ) -> Sequence[str]:
    """Wait until nothing is on its way, `patience` seconds at most; what is then, nothing when it is quiet. It is
    quiet when it was so for long enough that an engine's late word has come."""
    late = LATE_SECONDS if environ.get(VARIABLE) else 0.0
    until = time.monotonic() + patience
    quiet_since: float | None = None
    while True:
        found = list(under_way(bus, environ))
        now = time.monotonic()
        if found:
            quiet_since = None
            if now > until:
                return found
        else:
            quiet_since = now if quiet_since is None else quiet_since
            if now - quiet_since >= late:
                return []
        time.sleep(_PAUSE_SECONDS)  # between two looks
