"""Log pipes: lines in, lines out."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.logs import LONGEST, LogPipe, parse

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"plain", "plain"),
        (b'{"level": "info"}', {"level": "info"}),
        (b"{not json", "{not json"),
        (b"[1, 2]", "[1, 2]"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_json_objects_are_told_as_objects(line: bytes, told: Any) -> None:
    assert parse(line) == told


class Ears:
    def __init__(self) -> None:
        self.heard: list[tuple[str, int, Any]] = []

    def __call__(self, function: str, pid: int, line: Any) -> None:
        self.heard.append((function, pid, line))


async def test_lines_are_told_with_function_and_process_and_the_last_needs_no_line_end() -> None:
    ears = Ears()
    pipe = LogPipe(asyncio.get_running_loop(), "one", ears)
    pipe.pid = 7
    os.write(pipe.write_end, b"first\nsec")
    os.write(pipe.write_end, b"ond\n\nlast")
    pipe.close()
    assert ears.heard == [("one", 7, "first"), ("one", 7, "second"), ("one", 7, "last")]


async def test_a_line_without_end_is_cut() -> None:
    """A function that prints without line ends cannot fill the host's memory."""
    ears = Ears()
    pipe = LogPipe(asyncio.get_running_loop(), "one", ears)
    os.set_blocking(pipe.write_end, False)
    written = 0
    while written < 3 * LONGEST:
        written += os.write(pipe.write_end, b"x" * 4096)
        await asyncio.sleep(0)
    pipe.close()
    assert sum(len(line) for _, _, line in ears.heard) == written
    assert len(ears.heard) >= 2


@given(st.binary(max_size=200))
def test_parse_takes_any_bytes(line: bytes) -> None:
    assert isinstance(parse(line), str | dict)
