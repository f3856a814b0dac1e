"""Dead letters as a caller may see them: whose they are, which of them are asked for, how many there are.

A tenant sees its own. One that names no tenant, or cannot be read, belongs to who runs the platform; so does one that
was refused at the door of the backends: whose it is stood in a token that may be anybody's. No token is ever shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from events.envelope import TOKEN
from events.jsontext import JsonError, loads
from events.topology import INCOMING
from shared.bus.port import DeadLetter, DeadLetterOffice
from shared.coordination.pages import Page

#: Letters that one call looks through at most; a page that ends there says where to go on.
MOST_READ = 1000
_AT_ONCE = 200


@dataclass(frozen=True)
class Letter:
    """A dead letter and the event in it."""

    dead: DeadLetter

    @cached_property
    def event(self) -> Mapping[str, Any] | None:
        """The message as a JSON object, without a token that it brought; None when it is none."""
        try:
            read = loads(self.dead.message.body)
        except JsonError:
            return None
        if not isinstance(read, dict):
            return None
        return {name: value for name, value in read.items() if name.casefold() != TOKEN}

    def attribute(self, name: str) -> str:
        """An attribute of the event as a text, "" where there is none."""
        value = (self.event or {}).get(name)
        return value if isinstance(value, str) else ""

    @property
    def tenant(self) -> str:
        """Whose it is; "" for nobody's."""
        return "" if self.dead.origin == INCOMING.name else self.attribute("tenantid")


@dataclass(frozen=True)
class Wanted:
    """Which letters: of a tenant (None: any), of a type of event (its name, `OrderPlaced`, or all of its wire type),
    with a text in the reason, dead since before a moment (seconds since the epoch)."""

    tenant: str | None
    type: str = ""
    reason: str = ""
    died_before: float | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is one of them."""
        if self.tenant is not None and letter.tenant != self.tenant:
            return False
        kind = letter.attribute("type")
        if self.type and self.type != kind and self.type not in kind.split("."):
            return False
        if self.reason.casefold() not in letter.dead.reason.casefold():
            return False
        return self.died_before is None or letter.dead.died_at < self.died_before


@dataclass(frozen=True)
class Letters:
    """The dead letters of one queue or topic."""

    office: DeadLetterOffice
    origin: str

    def page(self, wanted: Wanted, cursor: str | None, limit: int) -> Page[Letter]:
        """Up to `limit` that are wanted, the newest first. A page may be short, or empty, and not be the last."""
        found: list[Letter] = []
        seen = 0
        while True:
            part = self.office.dead_letters(self.origin, limit - len(found), cursor)
            found += [letter for letter in map(Letter, part.items) if wanted.takes(letter)]
            seen += len(part.items)
            cursor = part.next_cursor
            if cursor is None or len(found) == limit or seen >= MOST_READ:
                return Page(found, cursor)

    def count(self, wanted: Wanted) -> tuple[int, bool]:
        """How many are wanted, and whether there may be more than were counted."""
        found = 0
        for seen, letter in enumerate(self._all(None)):
            if seen == MOST_READ:
                return found, True
            found += wanted.takes(letter)
        return found, False

    def find(self, ids: Iterable[str], wanted: Wanted, cursor: str | None) -> dict[str, Letter]:
        """Those with the ids that are wanted too. `cursor`, of the page that showed them, saves looking elsewhere."""
        missing = set(ids)
        found: dict[str, Letter] = {}
        for start in dict.fromkeys((cursor, None)):
            for letter in self._all(start):
                if not missing:
                    return found
                if letter.dead.id in missing:
                    missing.remove(letter.dead.id)
                    if wanted.takes(letter):
                        found[letter.dead.id] = letter
        return found

    def _all(self, cursor: str | None) -> Iterator[Letter]:
        while True:
            part = self.office.dead_letters(self.origin, _AT_ONCE, cursor)
            yield from map(Letter, part.items)
            cursor = part.next_cursor
            if cursor is None:
                return
