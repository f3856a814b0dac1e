"""What replay and discard have in common: find what the caller may touch, put it on record, do it.

1. The letters are looked up; another tenant's is not found, like one that is not there.
2. One note for each goes on the record of the tenant whose message it is: who, what, why.
3. The act. Somebody may have been faster: then it is not found, and a second note says that it was not done.
4. When the bus cannot go on, what is left is not tried; the answer says so for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from events.orchestration import AuditNoted
from shared.auth.scope import sees_all
from shared.bus.port import DeadLetter
from shared.contract import Caller
from shared.coordination.dead_letters import Letter, Letters, Wanted
from shared.errors import HouseError, Invalid, NotFound, TryAgain
from shared.runtime.notes import put_on_record
from shared.runtime.services import Services
from shared.tools.sensitive import mask_sensitive

Act = Callable[[str], DeadLetter]


class Order(BaseModel):
    """Which letters and why. `cursor` is that of the page which showed them: it saves looking for them elsewhere."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[Annotated[str, Field(min_length=1, max_length=1000)]], Field(min_length=1, max_length=100)]
    why: str = Field(min_length=1, max_length=1000)
    cursor: str = Field(default="", max_length=300)


class Outcome(BaseModel):
    """What became of one letter."""

    id: str
    message_id: str = ""
    outcome: Literal["done", "not_found", "not_done"]
    detail: str = ""


class Outcomes(BaseModel):
    """One for each letter that was named, in their order."""

    items: list[Outcome]


def carry_out(act: Act, name: str, origin: str, order: Order, caller: Caller, services: Services) -> Outcomes:
    """Do `act`, which is called `name` on record, to the letters of an order. Raises `NotFound` when none is there."""
    if len(set(order.ids)) != len(order.ids):
        raise Invalid.field("ids", "names a letter twice")
    mine = Wanted(None if sees_all(caller) else caller.tenant)
    found = Letters(services.bus, origin).find(order.ids, mine, order.cursor or None)
    if not found:
        raise NotFound(f"none of these letters is among the dead ones of {origin}")
    noted = [found[one] for one in order.ids if one in found]
    why = mask_sensitive(order.why).clean
    put_on_record(services, [(letter.tenant, _note(letter, name, why, caller)) for letter in noted])
    outcomes = _do(act, order.ids, found)
    failed = {one.id: one.detail for one in outcomes if one.id in found and one.outcome != "done"}
    notes = [(found[one].tenant, _note(found[one], f"{name} not done", how, caller)) for one, how in failed.items()]
    put_on_record(services, notes, "not done")
    return Outcomes(items=outcomes)


def _do(act: Act, ids: list[str], found: dict[str, Letter]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    stop = ""
    for one in ids:
        letter = found.get(one)
        if letter is None:
            outcomes.append(Outcome(id=one, outcome="not_found", detail="no such dead letter"))
            continue
        told = Outcome(id=one, message_id=letter.dead.message.id, outcome="not_done", detail=stop)
        if not stop:
            try:
                act(one)
                told.outcome = "done"
            except NotFound as error:
                told.outcome, told.detail = "not_found", error.detail
            except HouseError as error:
                told.detail = error.detail
                stop = error.detail if isinstance(error, TryAgain) else ""
        outcomes.append(told)
    return outcomes


def _note(letter: Letter, name: str, why: str, caller: Caller) -> AuditNoted:
    dead = letter.dead
    detail = {"origin": dead.origin, "dead_letter": dead.id, "reason": dead.reason, "attempts": dead.attempts}
    target = dead.message.id[:1000]
    return AuditNoted(actor=caller.user_id, action=f"dead letter {name}", target=target, why=why, detail=detail)
