"""Memory that was gathered or touched holds the same bytes; what was touched is known to the page."""

from __future__ import annotations

import mmap
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.pages import HUGE, PAGE, Touched, collapse, huge_ranges, private_mappings, touch, touched

MAPS = """\
55ca3b000000-55ca3b400000 rw-p 00000000 00:00 0                          [heap]
7f0000001000-7f0000a00000 rw-p 00000000 00:00 0
7f1000000000-7f1000400000 r-xp 00000000 fe:00 1234                       /usr/lib/libc.so.6
7f2000000000-7f2000400000 rw-s 00000000 00:00 0
7f3000001000-7f3000201000 rw-p 00000000 00:00 0
7fff20000000-7fff20400000 rw-p 00000000 00:00 0                          [stack]
"""
ranges = st.lists(st.tuples(st.integers(0, 2**63), st.integers(0, 2**40)))


def test_only_whole_huge_pages_of_the_heap_and_of_anonymous_private_memory_are_named() -> None:
    assert list(huge_ranges(MAPS.splitlines())) == [
        (0x55CA3B000000, HUGE),
        (0x55CA3B200000, HUGE),
        *((0x7F0000200000 + number * HUGE, HUGE) for number in range(4)),
    ]


def test_memory_gathered_into_huge_pages_holds_what_it_held() -> None:
    with mmap.mmap(-1, 4 * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for at in range(0, len(memory), 4096):
            memory[at : at + 8] = at.to_bytes(8)
        collapse()
        assert all(memory[at : at + 8] == at.to_bytes(8) for at in range(0, len(memory), 4096))


@given(written=ranges, read=ranges)
def test_what_was_touched_passes_a_pipe_unchanged(written: list[tuple[int, int]], read: list[tuple[int, int]]) -> None:
    assert Touched.decode(Touched(written, read).encode()) == Touched(written, read)


@pytest.mark.parametrize("data", [b"", b"1234567", (1).to_bytes(8, "little") * 2])
def test_half_of_a_lesson_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # any of them: whatever array and zip say
        Touched.decode(data)


def test_a_fork_sees_exactly_the_pages_that_it_wrote_to() -> None:
    """Of 64 pages that its parent filled, those it changed; of a mapping that is new, nothing."""
    memory = mmap.mmap(-1, 64 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(b"x" * len(memory))
    mappings = private_mappings()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        for number in (3, 4, 5, 40):
            memory[number * PAGE] = 0
        os.write(writing, touched(mappings).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        found = Touched.decode(pipe.read())
    os.waitpid(pid, 0)
    start = address_of(memory)
    within = [one for one in found.written if start <= one[0] < start + len(memory)]
    assert within == [(start + 3 * PAGE, 3 * PAGE), (start + 40 * PAGE, PAGE)]
    assert found.read
    memory.close()


def test_touching_makes_pages_present_and_changes_nothing_in_them() -> None:
    memory = mmap.mmap(-1, 64 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[7 * PAGE] = 7
    start = address_of(memory)
    here = [(start, len(memory))]
    assert touched(here).written == [(start + 7 * PAGE, PAGE)]
    touch(Touched([(start + 7 * PAGE, 2 * PAGE)], []))
    assert touched(here).written == [(start + 7 * PAGE, 2 * PAGE)]
    assert memory[7 * PAGE : 8 * PAGE] == b"\x07" + bytes(PAGE - 1)
    memory.close()


def test_memory_that_is_no_more_is_passed_over() -> None:
    memory = mmap.mmap(-1, 4 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = address_of(memory)
    memory.close()
    touch(Touched([(start, 4 * PAGE)], [(start, 4 * PAGE)]))


def address_of(memory: mmap.mmap) -> int:
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
