"""Put the items of an order into as few parcels as the boxes allow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import groupby, permutations

from shared.tools.box_space import BoxSpace, Triple

Size = tuple[Decimal, Decimal, Decimal]  # length, width, height in cm

_PER_CM = 10_000  # micrometres


@dataclass(frozen=True)
class Item:
    """One unit of an order line. What the tenant does not know about it is None, and stays unknown.

    `size_cm` has three positive lengths, `weight_kg` is not negative. With `this_way_up` the third length
    stays upright.
    """

    line: int
    sku: str
    size_cm: Size | None = None
    weight_kg: Decimal | None = None
    this_way_up: bool = False

    @property
    def measured(self) -> bool:
        """Whether it can be packed by calculation: a weight of 0 is a gap in the data, not a weight."""
        return self.size_cm is not None and self.weight_kg is not None and self.weight_kg > 0


@dataclass(frozen=True)
class Box:
    """A kind of box, of which there are enough: inner size and the most it may hold (None: any weight)."""

    id: str
    inner_cm: Size
    max_kg: Decimal | None = None


@dataclass(frozen=True)
class Placed:
    """An item inside a parcel: the corner nearest the box's own, and its lengths as turned, in cm."""

    item: Item
    at_cm: Size
    size_cm: Size


@dataclass(frozen=True)
class Parcel:
    """What is handed to a carrier as one piece.

    `box` is None for an item that ships as its own parcel. `size_cm` or `weight_kg` is None for one that is
    not measured, which has no places.
    """

    box: str | None
    size_cm: Size | None
    weight_kg: Decimal | None
    items: tuple[Item, ...]
    places: tuple[Placed, ...] = ()


def pack(items: Sequence[Item], boxes: Sequence[Box], *, max_kg: Decimal | None = None) -> tuple[Parcel, ...]:
    """Pack every item into exactly one parcel, the same for the same items and boxes in any order.

    First fit by falling volume: each item goes into the first open box where it fits (extreme points, six
    orientations or two if `this_way_up`, weight limit), else into a new one of the smallest box that takes
    it; one that fits no box is its own parcel. Opening the smallest box each time can end in many small
    parcels, so the same is tried without the smallest box, without the two smallest and so on: the fewest
    parcels win, then the least volume, and each ends in the smallest box that holds its content. `max_kg`
    limits every box, as a carrier does. Whether an item that is not measured fits a box is not guessed:
    it is its own parcel, of unknown size or weight.
    """
    by_size = sorted(boxes, key=lambda box: (_volume(box.inner_cm), box.id))
    limited = [Box(box.id, box.inner_cm, _lower(box.max_kg, max_kg)) for box in by_size]
    measured = sorted((item for item in items if item.measured), key=_falling)
    parcels = _fewest(measured, limited) if measured else ()
    loose = sorted((item for item in items if not item.measured), key=_by_line)
    return (*parcels, *(Parcel(None, item.size_cm, item.weight_kg or None, (item,)) for item in loose))


def _fewest(items: Sequence[Item], boxes: Sequence[Box]) -> tuple[Parcel, ...]:
    best: tuple[Parcel, ...] = ()
    # From the large boxes to the small ones: a try that needs more parcels than the best is given up early.
    for smallest in reversed(range(max(1, len(boxes)))):
        filled = _first_fit(items, [*boxes[smallest:], *reversed(boxes[:smallest])], len(best) or len(items))
        if filled is None:
            continue
        parcels = tuple(_snug(one, boxes) for one in filled)
        if not best or _rank(parcels) <= _rank(best):
            best = parcels
        if len(best) == 1:
            break
    return best


class _Filled:
    """One parcel while it is filled: a box, or the size of the one item that fits none."""

    def __init__(self, box: Box | None, size: Size) -> None:
        self.box = box
        self.size_cm = size
        self.weight = Decimal(0)
        self.places: list[Placed] = []
        # A parcel without a box is as large as its item, which is rounded up to whole micrometres.
        self._space = BoxSpace(_micrometres(size, ROUND_FLOOR if box else ROUND_CEILING))

    def like(self, items: Iterable[Item]) -> _Filled:
        """Another one filled in the same way, with `items` that are like its own."""
        twin = _Filled(self.box, self.size_cm)
        twin.weight, twin._space = self.weight, self._space.copy()
        twin.places = [replace(place, item=item) for place, item in zip(self.places, items, strict=True)]
        return twin

    def take_all(self, items: deque[Item]) -> None:
        """Take from the left of `items` as long as they fit."""
        while items and self.take(items[0]):
            items.popleft()

    def take(self, item: Item) -> bool:
        assert item.size_cm is not None
        assert item.weight_kg is not None
        limit = self.box.max_kg if self.box else None
        if limit is not None and self.weight + item.weight_kg > limit:
            return False
        found = self._space.put(_orientations(_micrometres(item.size_cm, ROUND_CEILING), item.this_way_up))
        if found is None:
            return False
        self.weight += item.weight_kg
        self.places.append(Placed(item, _centimetres(found[0]), _centimetres(found[1])))
        return True


def _first_fit(items: Sequence[Item], boxes: Sequence[Box], most: int) -> list[_Filled] | None:
    """`boxes` in the order in which they are tried when one must be opened; None beyond `most` parcels."""
    filled: list[_Filled] = []
    for _, run in groupby(items, key=lambda item: (item.size_cm, item.this_way_up, item.weight_kg)):
        alike = deque(run)
        for opened in filled:
            opened.take_all(alike)
        while alike:
            new = _opened(alike.popleft(), boxes)
            new.take_all(alike)
            filled.append(new)
            while len(alike) >= len(new.places):  # it is full, and the next ones would be filled just so
                filled.append(new.like([alike.popleft() for _ in new.places]))
        if len(filled) > most:
            return None
    return filled


def _opened(item: Item, boxes: Iterable[Box]) -> _Filled:
    for box in boxes:
        new = _Filled(box, box.inner_cm)
        if new.take(item):
            return new
    assert item.size_cm is not None
    own = _Filled(None, item.size_cm)
    taken = own.take(item)
    assert taken, "an item fits a space of its own size"
    return own


def _snug(filled: _Filled, boxes: Sequence[Box]) -> Parcel:
    """The parcel in the smallest box that also holds all of its content."""
    items = [place.item for place in filled.places]
    content = sum((_volume(place.size_cm) for place in filled.places), Decimal(0))
    for box in boxes:
        if filled.box is None or _volume(box.inner_cm) >= _volume(filled.size_cm):
            break
        if content > _volume(box.inner_cm):
            continue
        smaller = _Filled(box, box.inner_cm)
        if all(smaller.take(item) for item in items):
            filled = smaller
            break
    name = filled.box.id if filled.box else None
    return Parcel(name, filled.size_cm, filled.weight, tuple(items), tuple(filled.places))


def _rank(parcels: Sequence[Parcel]) -> tuple[int, Decimal]:
    return len(parcels), sum((_volume(parcel.size_cm) for parcel in parcels if parcel.size_cm), Decimal(0))


def _by_line(item: Item) -> tuple[int, str, Decimal, tuple[Decimal, ...], bool]:
    return item.line, item.sku, item.weight_kg or Decimal(0), item.size_cm or (), item.this_way_up


def _falling(item: Item) -> tuple[Decimal, list[Decimal], bool, Size, Decimal, int, str]:
    assert item.size_cm is not None
    assert item.weight_kg is not None
    longest = sorted(-length for length in item.size_cm)
    # The lengths as given and the weight next to each other: units that are alike must come in one run.
    return (
        -_volume(item.size_cm),
        longest,
        item.this_way_up,
        item.size_cm,
        -item.weight_kg,
        item.line,
        item.sku,
    )


def _orientations(size: Triple, this_way_up: bool) -> list[Triple]:
    length, width, height = size
    if this_way_up:
        return sorted({(length, width, height), (width, length, height)})
    return sorted({(a, b, c) for a, b, c in permutations(size)})


def _micrometres(size: Size, rounding: str) -> Triple:
    x, y, z = (int((length * _PER_CM).to_integral_value(rounding)) for length in size)
    return x, y, z


def _centimetres(lengths: Triple) -> Size:
    x, y, z = (Decimal(length) / _PER_CM for length in lengths)
    return x, y, z


def _volume(size: Size) -> Decimal:
    return size[0] * size[1] * size[2]


def _lower(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return min((limit for limit in (a, b) if limit is not None), default=None)
