"""The reckoning: whether what was promised is there, each thing in one place and done once.

    submitted = done + waiting + dead-lettered, and every effect once

A promise is a task that a caller was told is accepted, or an event that starts one. A task is done when it has ended,
waits when exactly one request about it is open, and is dead-lettered when its work rests in a dead-letter queue with
a reason; an event that started none is dead-lettered when it rests in its topic's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from scripts.trial.books import Books, TaskEntry
from scripts.trial.rules import DECIDED, RULES, STARTS

DEAD_WORK = "dead letters about tasks"


@dataclass(frozen=True)
class Promised:
    """What callers were told: ids of accepted tasks, causes (`source#id`) of accepted events that start work, and
    decisions by request. `whole`: nobody else has submitted anything, so there must be nothing else."""

    tasks: Collection[str] = ()
    events: Collection[str] = ()
    decisions: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it must be: the rule that it breaks, and what it is about."""

    rule: str
    detail: str


@dataclass(frozen=True)
class Reckoning:
    """The count. `submitted` is what was promised (all tasks that there are, where promises are not `whole`); `done`,
    `waiting` and `dead` say where it is; `ended` how the done ones ended, `reasons` why what is dead is so."""

    submitted: int
    done: int
    waiting: int
    dead: int
    ended: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    under_way: Sequence[str] = ()

    @property
    def exact(self) -> bool:
        """Whether everything is accounted for, once."""
        settled = self.submitted == self.done + self.waiting + self.dead
        return settled and not self.faults and not self.under_way


def reckon(books: Books, promised: Promised, under_way: Sequence[str] = ()) -> Reckoning:
    """Count, and apply every rule. `under_way` says what was not quiet when the books were read."""
    mine = _promised_tasks(books, promised)
    places = Counter(place_of(books, task) for task in mine)
    dead_events = [cause for cause in set(promised.events) - books.causes.keys() if books.dead_facts(STARTS)[cause]]
    return Reckoning(
        submitted=len(set(promised.tasks)) + len(set(promised.events)) if promised.whole else len(mine),
        done=places["done"],
        waiting=places["waiting"],
        dead=places["dead"] + (len(dead_events) if promised.whole else 0),
        ended=dict(sorted(Counter(task.status for task in mine if task.over).items())),
        figures=_figures(books),
        reasons=dict(Counter(f"{one.origin} {one.group}: {one.reason}"[:200] for one in books.letters)),
        faults=_faults(books, promised),
        under_way=tuple(under_way),
    )


def place_of(books: Books, task: TaskEntry) -> str:
    """done, waiting or dead; else what is wrong with it, in words."""
    waiting = books.open_requests[task.id]
    if task.over:
        return "done" if task.ended and not waiting else f"is {task.status}, and {waiting} requests about it are open"
    if waiting:
        good = waiting == 1 and task.status == "awaiting_approval"
        return "waiting" if good else f"is {task.status} and waits in {waiting} requests"
    if task.id in books.dead_tasks:
        return "dead"
    return f"is left {task.status} at step {task.step}: nobody has its work, and nobody is asked"


def _promised_tasks(books: Books, promised: Promised) -> list[TaskEntry]:
    if not promised.whole:
        return list(books.tasks.values())
    ids, causes = set(promised.tasks), set(promised.events)
    return [task for task in books.tasks.values() if task.id in ids or task.cause in causes]


def _faults(books: Books, promised: Promised) -> list[Fault]:
    lost = [Fault("kept promises", detail) for detail in _not_kept(books, promised)]
    astray = [
        Fault("each task in one place", f"{task.id} {place}")
        for task in books.tasks.values()
        if (place := place_of(books, task)) not in ("done", "waiting", "dead")
    ]
    return lost + astray + [Fault(name, detail) for name, rule in RULES.items() for detail in rule(books)]


def _not_kept(books: Books, promised: Promised) -> list[str]:
    given_up = books.dead_facts(STARTS)
    found = [f"the task {id_} was accepted and is gone" for id_ in set(promised.tasks) - books.tasks.keys()]
    for cause in promised.events:
        if books.causes[cause] > 1:
            found.append(f"the event {cause} started {books.causes[cause]} tasks")
        if not books.causes[cause] and not given_up[cause]:
            found.append(f"the event {cause} was accepted and started nothing")
    status = {id_: status for id_, _, status, _ in books.requests}
    for request, decision in promised.decisions.items():
        if status.get(request) != DECIDED[decision]:
            found.append(f"the decision {decision} on {request} was accepted, and it is {status.get(request, 'gone')}")
    if promised.whole:
        known = {task.id for task in _promised_tasks(books, promised)}
        found += [f"the task {id_} is there, and nobody was promised it" for id_ in books.tasks.keys() - known]
    return found


def _figures(books: Books) -> dict[str, int]:
    return {
        "tasks": len(books.tasks),
        "steps of roles": sum(len(task.steps) for task in books.tasks.values()),
        "messages to customers": len(books.messages),
        "requests to humans": len(books.requests),
        "decisions": sum(status in DECIDED.values() for _, _, status, _ in books.requests),
        "samples": len(books.samples),
        "work sent": len(books.sent) - len(books.facts),
        "facts committed": len(books.facts),
        "facts on record": len(books.record),
        "dead letters": len(books.letters),
        DEAD_WORK: sum(getattr(one.event, "task_id", "") in books.tasks for one in books.letters),
    }
