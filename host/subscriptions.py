"""What a stack's annotations say of triggers: which queues, topics and timers wake which function."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.errors import Invalid, Problem

_EVERY = re.compile(r"every (\d{1,6})s\Z")
_GATHER = re.compile(r"(\d{1,2}(?:\.\d{1,3})?)s\Z")


@dataclass(frozen=True)
class Subscription:
    """One function's triggers. `width` is how many calls it takes at once, `batch` how many events a call,
    `lease` for how many seconds a message is its own. For so many seconds after it got some facts, more are gathered
    for a function that takes batches (`gather`), unless there was a whole batch: a large one costs little more."""

    function: str
    queues: tuple[str, ...]
    topics: tuple[str, ...]
    every: int
    width: int
    batch: int
    lease: float
    gather: float = 0.25


def subscriptions(functions: Iterable[tuple[str, Mapping[str, str], int, float]]) -> list[Subscription]:
    """From (name, annotations, concurrency, timeout) of each function to those that have a trigger.

    Raises `Invalid` with every problem.
    """
    found: list[Subscription] = []
    problems: list[Problem] = []
    for name, notes, width, timeout in functions:
        schedule = notes.get("schedule", "")
        every = _EVERY.match(schedule)
        if schedule and not every:
            problems.append(Problem(f"{name}.schedule", f"must read like 'every 60s', not {schedule!r}"))
        batch = notes.get("batch", "1")
        if not batch.isdigit() or not 1 <= int(batch) <= 1000:
            problems.append(Problem(f"{name}.batch", f"must be 1 to 1000, not {batch!r}"))
            continue
        gather = _GATHER.match(notes.get("gather", "0.25s"))
        if not gather:
            problems.append(Problem(f"{name}.gather", f"must read like '0.5s', not {notes['gather']!r}"))
            continue
        queues, topics = _names(notes, "queues"), _names(notes, "topics")
        if queues or topics or every:
            seconds = int(every[1]) if every else 0
            found.append(Subscription(name, queues, topics, seconds, width, int(batch), timeout + 30, float(gather[1])))
    if problems:
        raise Invalid("; ".join(f"{p.field}: {p.rule}" for p in problems), problems=tuple(problems))
    return found


def _names(annotations: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in annotations.get(key, "").split(",") if name.strip())
