"""From which places an order ships: all of it, from the fewest and cheapest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import combinations
from math import inf

from shared.errors import Invalid

# Up to so many places every subset is tried (1023 of them); beyond, a greedy cover.
MOST_PLACES_FOR_ALL_SUBSETS = 10


@dataclass(frozen=True)
class Need:
    """How many units an order line asks for; `line` is its index."""

    line: int
    sku: str
    units: int


@dataclass(frozen=True)
class Place:
    """A warehouse as a source: units free to promise by sku; km to the customer, None if not known."""

    id: str
    available: Mapping[str, int]
    km: float | None = None


@dataclass(frozen=True)
class Quote:
    """What it takes to ship something from one place; a cost of None is one that cannot be known."""

    cost: Decimal | None
    shipments: int = 1
    late: bool = False


Take = tuple[tuple[int, int], ...]  # (line, units) by rising line, units above 0
Takes = Mapping[str, Take]  # by place; none is empty
Ask = Callable[[str, Take], Quote | None]  # (place, take); None: no service carries it from there


@dataclass(frozen=True)
class Sources:
    """What each place ships, and the units of each line that nobody can."""

    takes: Takes
    short: Mapping[int, int]


def available_to_promise(
    sku: str, stock: Mapping[str, object], last_fact: int | None = None, *, field: str = "stock"
) -> int:
    """max(0, on_hand - reserved) of `sku` in a place's `stock`, and no more than the last stock fact says.

    `stock[sku]` is {"on_hand": 7, "reserved": 2}, or the free units as one number; an sku that is not there
    is 0. Raises Invalid naming the sku under `field` for units that are no whole number.
    """
    entry = stock.get(sku, 0)
    if isinstance(entry, Mapping):
        on_hand = _units(entry.get("on_hand"), f"{field}.{sku}.on_hand")
        free = on_hand - _units(entry.get("reserved", 0), f"{field}.{sku}.reserved")
    else:
        free = _units(entry, f"{field}.{sku}")
    return max(0, free if last_fact is None else min(free, last_fact))


def choose_sources(needs: Sequence[Need], places: Sequence[Place], ask: Ask) -> Sources:
    """Choose the places that ship the order, and what each ships.

    Up to 10 places that hold any line: of all their subsets that cover each line the least by (late, cost
    not known, cost, shipments, km). Within a subset each line is taken from the place where a parcel of one
    unit is cheapest first. More places: a greedy weighted set cover, always the place with the least cost
    for each unit newly covered (Chvatal, Mathematics of Operations Research 4, 1979). Where all together
    cannot cover the order, what they can is planned the same way and the rest is short.
    """
    board = _Board(needs, places, ask)
    everywhere = board.allocate(board.places)
    short = {need.line: need.units - _taken(everywhere, need.line) for need in needs}
    takes = everywhere
    if len(board.places) > MOST_PLACES_FOR_ALL_SUBSETS:
        takes = _greedy(board, everywhere)
    elif everywhere:
        takes = _best_subset(board, everywhere)
    return Sources(takes, {line: units for line, units in short.items() if units})


Rank = tuple[bool, bool, Decimal, int, float, list[str]]


class _Board:
    """The question once more, with the answers of `ask` that are needed again and again."""

    def __init__(self, needs: Sequence[Need], places: Sequence[Place], ask: Ask) -> None:
        self.needs = needs
        self._ask = ask
        self._asked: dict[tuple[str, Take], Quote | None] = {}
        self._unit = {
            (place.id, need.line): self.ask(place.id, ((need.line, 1),))
            for place in places
            for need in needs
            if place.available.get(need.sku, 0) > 0
        }
        self.places = [place for place in places if any(self._usable(place, need) for need in needs)]

    def ask(self, place: str, take: Take) -> Quote | None:
        if (place, take) not in self._asked:
            self._asked[place, take] = self._ask(place, take)
        return self._asked[place, take]

    def allocate(self, places: Sequence[Place], needs: Sequence[Need] | None = None) -> Takes:
        """Each line from the place with the cheapest parcel first, as long as there is stock."""
        left = {place.id: dict(place.available) for place in places}
        takes: dict[str, dict[int, int]] = {}
        for need in self.needs if needs is None else needs:
            open_units = need.units
            usable = [place for place in places if self._usable(place, need)]
            for place in sorted(usable, key=partial(self._unit_rank, need)):
                units = min(open_units, left[place.id].get(need.sku, 0))
                if units > 0:
                    takes.setdefault(place.id, {})[need.line] = units
                    left[place.id][need.sku] -= units
                    open_units -= units
        return {place: tuple(sorted(lines.items())) for place, lines in takes.items()}

    def rank(self, takes: Takes) -> Rank | None:
        """What is least for the best plan; None when one place's part cannot be shipped as a whole."""
        quotes = [self.ask(place, take) for place, take in takes.items()]
        known = [quote for quote in quotes if quote is not None]
        if len(known) < len(quotes):
            return None
        return (
            any(quote.late for quote in known),
            any(quote.cost is None for quote in known),
            sum((quote.cost or Decimal(0) for quote in known), Decimal(0)),
            sum(quote.shipments for quote in known),
            sum(_km(place) for place in self.places if place.id in takes),
            sorted(takes),
        )

    def cost_per_unit(self, place: str, take: Take) -> tuple[bool, bool, bool, Decimal, float]:
        """Least for what can be shipped, in time, at a cost that is known and low a unit, from near."""
        quote = self.ask(place, take)
        units = sum(units for _, units in take)
        km = next(_km(at) for at in self.places if at.id == place)
        if quote is None:
            return True, True, True, Decimal(0), km
        return False, quote.late, quote.cost is None, (quote.cost or Decimal(0)) / units, km

    def _usable(self, place: Place, need: Need) -> bool:
        return self._unit.get((place.id, need.line)) is not None

    def _unit_rank(self, need: Need, place: Place) -> tuple[bool, bool, Decimal, float, str]:
        quote = self._unit[place.id, need.line]
        assert quote is not None, "only usable places are ranked"
        return quote.late, quote.cost is None, quote.cost or Decimal(0), _km(place), place.id


def _best_subset(board: _Board, everywhere: Takes) -> Takes:
    """`everywhere` is what can be covered at all: a subset works when it covers as much."""
    best, best_rank = everywhere, board.rank(everywhere)
    for size in range(1, len(board.places) + 1):
        for subset in combinations(board.places, size):
            takes = board.allocate(subset)
            # A place that gives nothing makes it the same as a smaller subset, which was tried already.
            if len(takes) < size or any(
                _taken(takes, need.line) < _taken(everywhere, need.line) for need in board.needs
            ):
                continue
            rank = board.rank(takes)
            if rank is not None and (best_rank is None or rank < best_rank):
                best, best_rank = takes, rank
    return best


def _greedy(board: _Board, everywhere: Takes) -> Takes:
    """One place after the other, each giving all it has of what is still open."""
    open_units = {need.line: _taken(everywhere, need.line) for need in board.needs}
    chosen: dict[str, Take] = {}
    while any(open_units.values()):
        needs = [Need(need.line, need.sku, open_units[need.line]) for need in board.needs]
        tries = {
            place.id: take
            for place in board.places
            if place.id not in chosen
            for take in board.allocate([place], needs).values()
        }
        if not tries:
            return everywhere
        place = min(tries, key=lambda name: (board.cost_per_unit(name, tries[name]), name))
        chosen[place] = tries[place]
        for line, units in chosen[place]:
            open_units[line] -= units
    return chosen


def _taken(takes: Takes, line: int) -> int:
    return sum(units for take in takes.values() for at, units in take if at == line)


def _km(place: Place) -> float:
    return inf if place.km is None else place.km


def _units(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid.field(name, "must be a whole number of units")
    return value
