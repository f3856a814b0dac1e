"""What a zygote does to its memory so that forking, and waking, are cheap (madvise(2), proc_pid_pagemap(5)).

A fork copies the tables of the pages, not the pages; a child gets its own copy of a page when it first writes to it,
and a table entry of a page of a file when it first reads it. A woken function does that some 5,000 times, in whatever
order Python counts references: most of the time that its first call takes. So which pages work touches is found out
once, and a process that waits to become a function touches them while nobody waits for it.

All of it is advice: a kernel that declines leaves everything as it was. Standard library only.
"""

from __future__ import annotations

import array
import ctypes
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
HUGE = 2 << 20  # bytes of a huge page on x86-64, and on arm64 with pages of 4 KiB
MADV_POPULATE_READ = 22  # Linux 5.14
MADV_POPULATE_WRITE = 23
MADV_COLLAPSE = 25  # Linux 6.1
_PRESENT, _OF_A_FILE, _OURS_ALONE = 1 << 63, 1 << 61, 1 << 56
_PRIVATE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (r)[w-][x-]p ")
_ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 *(?:\[heap\])?$")

Range = tuple[int, int]  # address, bytes


class Touched(NamedTuple):
    """The pages that some work wrote to and that it read from files."""

    written: list[Range]
    read: list[Range]

    def encode(self) -> bytes:
        """As bytes for a pipe."""
        flat = [len(self.written), *(number for one in (*self.written, *self.read) for number in one)]
        return array.array("Q", flat).tobytes()

    @classmethod
    def decode(cls, data: bytes) -> Touched:
        """The inverse of `encode`; ValueError for bytes that are not whole."""
        count, *flat = array.array("Q", data)
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        return cls(pairs[:count], pairs[count:])


def collapse() -> None:
    """Put this process's own memory into huge pages: the image with CrewAI has 256 MB, 65,000 table entries for a fork
    to copy, 9 ms, and 2.4 ms once gathered. A child that writes still copies small ones."""
    with open("/proc/self/maps") as maps:
        _advise(huge_ranges(maps), MADV_COLLAPSE)


def huge_ranges(maps: Iterable[str]) -> Iterator[Range]:
    """What can be huge pages in the private writable memory of a proc_pid_maps(5)."""
    for line in list(maps):
        if found := _ANONYMOUS.match(line.rstrip()):
            start = -(-int(found[1], 16) // HUGE) * HUGE
            for at in range(start, int(found[2], 16) - HUGE + 1, HUGE):
                yield at, HUGE


def private_mappings() -> list[Range]:
    """The readable private mappings of this process."""
    with open("/proc/self/maps") as maps:
        found = [match for line in maps if (match := _PRIVATE.match(line))]
    return [(int(one[1], 16), int(one[2], 16) - int(one[1], 16)) for one in found]


def touched(mappings: Iterable[Range]) -> Touched:
    """What a forked process has touched so far within `mappings`, those that it had at its start."""
    written: list[Range] = []
    read: list[Range] = []
    pagemap = os.open("/proc/self/pagemap", os.O_RDONLY)
    try:
        for start, length in mappings:
            flags = array.array("Q", os.pread(pagemap, length // PAGE * 8, start // PAGE * 8))
            present = [one if one & _PRESENT else 0 for one in flags]
            written += _runs(start, [bool(one & _OURS_ALONE) and not one & _OF_A_FILE for one in present])
            read += _runs(start, [bool(one & _OF_A_FILE) for one in present])
    finally:
        os.close(pagemap)
    return Touched(written, read)


def _runs(start: int, pages: list[bool]) -> Iterator[Range]:
    """The pages that are true, neighbours together."""
    begun = None
    for number, wanted in enumerate([*pages, False]):
        if wanted and begun is None:
            begun = number
        elif not wanted and begun is not None:
            yield start + begun * PAGE, (number - begun) * PAGE
            begun = None


def touch(pages: Touched) -> None:
    """Touch these pages of this process now, as if it had worked; their content stays."""
    _advise(pages.read, MADV_POPULATE_READ)
    _advise(pages.written, MADV_POPULATE_WRITE)


def _advise(ranges: Iterable[Range], advice: int) -> None:
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, length in ranges:
        madvise(start, length, advice)
