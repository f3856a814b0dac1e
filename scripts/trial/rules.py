"""What must hold of the books of any platform that is at rest, as a table: a name, and what breaks it in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from events.event import Event
from events.orchestration import (
    AgentCompleted,
    FeedbackLearned,
    HITLDecided,
    HITLRequested,
    TaskAssigned,
    TaskEnded,
    TaskSubmitted,
)
from events.work import RoleWork, TrainingSample
from scripts.trial.books import Books

#: Who starts work from events, and who keeps the record: a fact that they gave up rests with its reason.
STARTS, RECORDS = "tasks-react", "audit-record"
#: What a request is when it was decided so.
DECIDED: Mapping[str, str] = {"approve": "approved", "modify": "modified", "reject": "rejected"}
E_ = TypeVar("E_", bound=Event)


def _of(books: Books, kind: type[E_]) -> list[E_]:
    """All events of a kind that were committed, work and facts."""
    return [one.event for one in books.sent if isinstance(one.event, kind)]


def sent(books: Books) -> Iterator[str]:
    """What is committed is on its way."""
    for one in books.sent:
        if not one.sent:
            yield f"{one.id} in the outbox of {one.context} was never sent"


def steps_once(books: Books) -> Iterator[str]:
    """A role's step is assigned once, sent once, done once, and said once; it leaves one result."""
    assigned = Counter((event.task_id, event.step) for event in _of(books, TaskAssigned))
    work = Counter((event.task_id, event.step) for event in _of(books, RoleWork))
    said = Counter((event.task_id, event.step) for event in _of(books, AgentCompleted))
    kept = Counter((task.id, step) for task in books.tasks.values() for step in task.steps)
    for name, times in (("assigned", assigned), ("sent", work), ("said done", said), ("done", kept)):
        for (task, step), number in times.items():
            if number > 1:
                yield f"step {step} of {task} was {name} {number} times"
    for task, step in said.keys() ^ kept.keys():
        which = "said, and left no result" if (task, step) in said else "done, and never said"
        yield f"step {step} of {task} was {which}"
    for task, step in kept.keys() - assigned.keys():
        yield f"step {step} of {task} was done, and never assigned"


def begun_and_ended_once(books: Books) -> Iterator[str]:
    """Each task is told of once, and its end once when it has ended."""
    begun = Counter(event.task_id for event in _of(books, TaskSubmitted))
    ended = Counter(event.task_id for event in _of(books, TaskEnded))
    for task in books.tasks.values():
        if begun[task.id] != 1:
            yield f"that {task.id} was submitted was said {begun[task.id]} times"
        if ended[task.id] != task.over:
            yield f"{task.id} is {task.status}, and its end was said {ended[task.id]} times"
    for id_ in (begun.keys() | ended.keys()) - books.tasks.keys():
        yield f"there are facts about {id_}, and no such task"


def told_once(books: Books) -> Iterator[str]:
    """A customer hears each thing once: what the results of tasks say, unless a later one replaced it, and nothing
    else."""
    for what, times in Counter(message[1:] for message in books.messages).items():
        if times > 1:
            yield f"{' '.join(what)} is there {times} times"
    meant = {told.id: told for task in books.tasks.values() for told in task.told}
    kept = {id_ for id_, *_ in books.messages}
    replaced = {id_ for told in meant.values() for id_ in told.replaces}
    again = {(told.about, told.kind) for told in meant.values() if told.id in kept}
    for told in meant.values():
        if told.id not in kept | replaced and (told.about, told.kind) not in again:
            yield f"{told.kind} about {told.about} was to be said, and is not there"
    for id_, tenant, about, kind in books.messages:
        if id_ not in meant:
            yield f"{tenant}: {kind} about {about} is there, and no task's result says so"


def decided_once(books: Books) -> Iterator[str]:
    """A request is told of once; when it was decided its decision is said once and leaves one sample, or its sample
    rests among the dead letters."""
    asked = Counter(event.request_id for event in _of(books, HITLRequested))
    said = Counter(event.request_id for event in _of(books, HITLDecided))
    work = Counter(event.request_id for event in _of(books, TrainingSample))
    learned = Counter(event.request_id for event in _of(books, FeedbackLearned))
    dead = {one.event.request_id for one in books.letters if isinstance(one.event, TrainingSample)}
    kept = Counter(books.samples)
    for id_, _, status, _ in books.requests:
        decided = status in DECIDED.values()
        sample = decided and (kept[id_] > 0 or id_ not in dead)
        found = {
            "opened": (asked[id_], 1),
            "decided": (said[id_], decided),
            "made a sample": (work[id_], decided),
            "kept as a sample": (kept[id_], sample),
            "learned": (learned[id_], sample),
        }
        for what, (times, wanted) in found.items():
            if times != wanted:
                yield f"the request {id_} is {status}, and was {what} {times} times, not {int(wanted)}"


def on_record_once(books: Books) -> Iterator[str]:
    """Every fact that was committed is on record once, or rests with the reason why not; nothing else is."""
    recorded = Counter(books.record)
    given_up = books.dead_facts(RECORDS)
    committed = Counter((one.tenant, one.source, one.id) for one in books.facts)
    for fact, times in recorded.items():
        if times > 1:
            yield f"{fact} is on record {times} times"
        if not committed[fact]:
            yield f"{fact} is on record and was never committed"
    for fact, times in committed.items():
        if times > 1:
            yield f"{fact} was committed {times} times"
        if not recorded[fact] and not given_up[f"{fact[1]}#{fact[2]}"]:
            yield f"{fact} was committed and is not on record"


def chains_sound(books: Books) -> Iterator[str]:
    """The record is as it was written."""
    yield from books.broken


def dead_with_reason(books: Books) -> Iterator[str]:
    """What died says why."""
    for letter in books.letters:
        if not letter.reason:
            yield f"{letter.source}#{letter.id} died in {letter.origin} without a reason"


RULES: Mapping[str, Callable[[Books], Iterator[str]]] = {
    "nothing unsent": sent,
    "each step once": steps_once,
    "each task begun and ended once": begun_and_ended_once,
    "each customer told once": told_once,
    "each request decided once": decided_once,
    "each fact on record once": on_record_once,
    "chains sound": chains_sound,
    "dead with a reason": dead_with_reason,
}
