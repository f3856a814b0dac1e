"""Huge pages hold the same bytes; only whole ones of the process's own memory are asked for."""

from __future__ import annotations

import mmap

from shared.runtime.pages import HUGE, collapse, huge_ranges

MAPS = """\
55ca3b000000-55ca3b400000 rw-p 00000000 00:00 0                          [heap]
7f0000001000-7f0000a00000 rw-p 00000000 00:00 0
7f1000000000-7f1000400000 r-xp 00000000 fe:00 1234                       /usr/lib/libc.so.6
7f2000000000-7f2000400000 rw-s 00000000 00:00 0
7f3000001000-7f3000201000 rw-p 00000000 00:00 0
7fff20000000-7fff20400000 rw-p 00000000 00:00 0                          [stack]
"""


def test_only_whole_huge_pages_of_the_heap_and_of_anonymous_private_memory_are_named() -> None:
    assert list(huge_ranges(MAPS.splitlines())) == [
        (0x55CA3B000000, 2 * HUGE),
        (0x7F0000200000, 4 * HUGE),
    ]


def test_memory_holds_what_it_held() -> None:
    with mmap.mmap(-1, 4 * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for at in range(0, len(memory), 4096):
            memory[at : at + 8] = at.to_bytes(8)
        collapse()
        assert all(memory[at : at + 8] == at.to_bytes(8) for at in range(0, len(memory), 4096))
