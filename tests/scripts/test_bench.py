"""The bench says what it can do, refuses nonsense, and its figures are what they say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.benchmarks import machine
from scripts.benchmarks.measure import Figure, percentile, quartiles

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.bench", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_list_names_every_benchmark() -> None:
    done = _bench("--list")
    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} == {
        *("cold", "cold-role", "memory", "warm", "tasks", "tasks-real", "bridge"),
        *("celery", "celery-tasks", "pages", "verdict"),
    }


@pytest.mark.parametrize("arguments", [("--only", "speed"), ("--json", "/no/such/folder/x.json"), ("--rounds", "0")])
def test_nonsense_is_refused_before_anything_is_measured(arguments: tuple[str, ...]) -> None:
    done = _bench(*arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr or "unrecognized" in done.stderr


@given(NUMBERS)
def test_quartiles_are_those_of_numpy(numbers: list[float]) -> None:
    assert quartiles(tuple(numbers)) == pytest.approx(tuple(numpy.percentile(numbers, [25, 50, 75])), abs=1e-6)


@given(NUMBERS, st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_number_that_so_many_do_not_exceed(numbers: list[float], share: float) -> None:
    found = percentile(numbers, share)
    assert found == numpy.percentile(numbers, share * 100, method="inverted_cdf")


def test_the_ratio_says_how_many_times_better_ours_is() -> None:
    less = Figure("time", "ms", "less", (1.0, 2.0, 3.0), (20.0, 40.0, 60.0))
    more = Figure("rate", "1/s", "more", (10.0,), (40.0,))
    assert (less.ratio, more.ratio, Figure("alone", "ms", "less", (1.0,)).ratio) == (20.0, 0.25, None)


def test_the_cpu_time_of_a_process_is_what_it_burnt() -> None:
    before, ours = machine.cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() - ours < 0.2:
        pass
    assert machine.cpu_seconds(os.getpid()) - before == pytest.approx(time.process_time() - ours, abs=0.05)


def test_a_child_is_found_among_the_descendants_and_has_memory() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in machine.descendants(os.getpid())
        assert machine.memory_mib(child.pid) > 0
    finally:
        child.communicate(b"\n")
