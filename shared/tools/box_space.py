"""The room inside one box while it is being filled: where the next block can stand.

Positions are extreme points (Crainic, Perboli, Tadei, INFORMS Journal on Computing 20, 2008): the free
corners of each placed block, and each of them slid along an axis until it meets another block or a wall.
Lengths are whole micrometres, so that touching is told from overlapping exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

Triple = tuple[int, int, int]  # along the length, the width and the height of the box

_AXES = (0, 1, 2)


class _Block(NamedTuple):
    start: Triple
    end: Triple


class BoxSpace:
    """One box of the given inner size; `put` blocks into it one after the other."""

    def __init__(self, size: Triple) -> None:
        self._size = size
        self._free = size[0] * size[1] * size[2]
        self._blocks: list[_Block] = []
        self._points: list[Triple] = [(0, 0, 0)]
        # Room only shrinks: a point that refused these shapes once refuses them for ever.
        self._shapes: Sequence[Triple] = ()
        self._refused: set[Triple] = set()

    def copy(self) -> BoxSpace:
        """Another box filled in the same way so far."""
        twin = BoxSpace(self._size)
        twin._free, twin._blocks, twin._points = self._free, [*self._blocks], [*self._points]
        return twin

    def put(self, shapes: Sequence[Triple]) -> tuple[Triple, Triple] | None:
        """Place one block in one of its `shapes` (its orientations); None when it fits nowhere.

        It goes to the lowest, then hindmost, then leftmost point that takes it, turned so that it leaves the
        narrowest gaps to the walls. Returns (position, shape).
        """
        if shapes[0][0] * shapes[0][1] * shapes[0][2] > self._free:
            return None
        if shapes != self._shapes:
            self._shapes, self._refused = shapes, set()
        for point in self._points:
            if point in self._refused:
                continue
            fitting = [shape for shape in shapes if self._takes(point, shape)]
            if fitting:
                shape = min(fitting, key=lambda shape: self._gaps(point, shape))
                self._place(point, shape)
                return point, shape
            self._refused.add(point)
        return None

    def _takes(self, at: Triple, shape: Triple) -> bool:
        x, y, z = at
        to_x, to_y, to_z = x + shape[0], y + shape[1], z + shape[2]
        if to_x > self._size[0] or to_y > self._size[1] or to_z > self._size[2]:
            return False
        # One plain loop: most of the work of packing happens in these lines.
        for (bx, by, bz), (ex, ey, ez) in self._blocks:
            if x < ex and bx < to_x and y < ey and by < to_y and z < ez and bz < to_z:
                return False
        return True

    def _gaps(self, at: Triple, shape: Triple) -> list[int]:
        return sorted(self._size[axis] - at[axis] - shape[axis] for axis in _AXES)

    def _place(self, at: Triple, shape: Triple) -> None:
        block = _Block(at, (at[0] + shape[0], at[1] + shape[1], at[2] + shape[2]))
        self._blocks.append(block)
        self._free -= shape[0] * shape[1] * shape[2]
        points = {point for point in self._points if not _covers(block, point)}
        points.update(point for point in self._extreme_points(block) if self._takes(point, (1, 1, 1)))
        self._points = sorted(points, key=lambda point: point[::-1])

    def _extreme_points(self, block: _Block) -> Iterator[Triple]:
        for axis in _AXES:
            corner = _moved(block.start, axis, block.end[axis])
            yield corner
            for other in _AXES:
                if other != axis:
                    yield self._slid(corner, other)

    def _slid(self, point: Triple, axis: int) -> Triple:
        """The point moved towards zero along `axis` up to the first block in its way, or to the wall."""
        u, v = (other for other in _AXES if other != axis)
        stop = 0
        for start, end in self._blocks:
            if stop < end[axis] <= point[axis] and start[u] <= point[u] < end[u] and start[v] <= point[v] < end[v]:
                stop = end[axis]
        return _moved(point, axis, stop)


def _covers(block: _Block, point: Triple) -> bool:
    (bx, by, bz), (ex, ey, ez) = block
    return bx <= point[0] < ex and by <= point[1] < ey and bz <= point[2] < ez


def _moved(point: Triple, axis: int, to: int) -> Triple:
    return (
        to if axis == 0 else point[0],
        to if axis == 1 else point[1],
        to if axis == 2 else point[2],
    )
