"""Ports are given in turn, so that two who choose at once and listen later do not meet."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.engines import ports
from scripts.engines.instance import ADDRESS


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "last-port"


def test_those_who_choose_at_once_get_different_ports(memory: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        chosen = list(pool.map(lambda _: ports.choose(4, memory), range(50)))
    given = [port for some in chosen for port in some]
    assert len(set(given)) == len(given) == 200
    assert all(port in ports.RANGE for port in given)


def test_after_the_last_one_comes_the_first(memory: Path) -> None:
    memory.write_text(str(ports.RANGE[-2]))
    chosen = ports.choose(3, memory)
    assert len(chosen) == 3
    assert chosen[-1] < ports.RANGE[20]


def test_one_that_is_taken_is_left_out(memory: Path) -> None:
    with socket.socket() as taken:
        (port,) = ports.choose(1, memory)
        taken.bind((ADDRESS, port))
        taken.listen()
        memory.write_text(str(port - 1))
        assert port not in ports.choose(2, memory)


@pytest.mark.parametrize("kept", ["", "none", "80"])
def test_a_memory_that_tells_nothing_is_no_hindrance(memory: Path, kept: str) -> None:
    memory.write_text(kept)
    assert len(ports.choose(2, memory)) == 2
    assert int(memory.read_text()) in ports.RANGE
