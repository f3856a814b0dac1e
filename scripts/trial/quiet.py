"""Whether anything is still on its way in a platform. By the settings of this process."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

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
#: A look asks every engine about everything: it must not take the time from those whose work it awaits.
_PAUSE_SECONDS = 1.0


class Moving(NamedTuple):
    """Something that is not at rest: how many of it, and what it is in words."""

    number: int
    words: str


def under_way(bus: Bus, environ: Mapping[str, str] = os.environ) -> Iterator[Moving]:
    """What is not at rest; what cannot be asked is not at rest."""
    try:
        for number, words in _looked(bus, environ):
            if number:
                yield Moving(number, f"{number} {words}")
    except (TryAgain, OSError) as error:
        yield Moving(1, f"a store cannot be asked: {error}")


def _looked(bus: Bus, environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    for context in CONTEXTS:
        yield _unsent(context), f"events of {context} are not sent"
    for queue in QUEUES:
        depth = bus.depth(queue)
        yield depth.ready, f"messages of {queue} wait"
        yield depth.leased, f"messages of {queue} are held"
        yield depth.delayed, f"messages of {queue} come again"
    yield unacknowledged(environ), "messages are delivered and not acknowledged"
    for group in GROUPS:
        for topic, lag in bus.lag(group).items():
            yield lag, f"facts of {topic} are not read by {group}"


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
    """Wait until nothing is on its way; what is, when less of it was not seen for `patience` seconds, else nothing. It
    is quiet when it was so for long enough that an engine's late word has come."""
    late = LATE_SECONDS if environ.get(VARIABLE) else 0.0
    fewest, progress = math.inf, time.monotonic()
    while True:
        found = list(under_way(bus, environ))
        now, number = time.monotonic(), sum(one.number for one in found)
        if number < fewest:
            fewest, progress = number, now
        if found and now - progress > patience:
            return [one.words for one in found]
        if not found and now - progress >= late:
            return []
        if found and not fewest:  # what came late after all
            fewest = math.inf
        time.sleep(_PAUSE_SECONDS)  # between two looks
