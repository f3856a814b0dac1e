"""A short soak on real engines: whatever is hurt, the count is exact, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from scripts.trial.waiting import wait_for
from tests.engines import need
from tests.flows.platform import ROOT

pytestmark = pytest.mark.flow
ENGINES = ("postgres", "rabbitmq", "kafka", "redis", "s3")
SECONDS = 600


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of the test's own that the engines' users may enter, as they may none of pytest's."""
    with tempfile.TemporaryDirectory(prefix="test-soak-") as name:
        yield Path(name)


def soak(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`scripts/soak`, with its folder below this one."""
    need(*ENGINES)
    folder.chmod(0o755)
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.soak", "--json", str(folder / "found.json"), *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # it may be ignored where we run
    )


def until_it_submits(process: subprocess.Popen[str]) -> None:
    """Raises AssertionError with all that it said when it ends before."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "submitted" in line:
            return
    raise AssertionError(f"it ended with {process.wait()}: {''.join(said)}")


def left(folder: Path) -> list[psutil.Process]:
    """What runs with this folder in its command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


@pytest.mark.timeout(SECONDS)
def test_the_count_is_exact_whatever_is_hurt(place: Path) -> None:
    """Forty seconds of it; the same seed in each run. Afterwards neither a process nor a file is there."""
    process = soak(place, "--minutes", "0.67", "--every", "3", "--rate", "2", "--seed", "20261123")
    said, _ = process.communicate(timeout=SECONDS)
    found: dict[str, Any] = json.loads((place / "found.json").read_text())
    reckoning = found["reckoning"]
    assert process.returncode == 0, said
    assert reckoning["exact"]
    assert reckoning["submitted"] == reckoning["done"] + reckoning["waiting"] + reckoning["dead"]
    assert reckoning["submitted"] >= 20
    assert len(found["wounds"]) >= 5
    assert (left(place), list(place.glob("soak-*"))) == ([], [])


@pytest.mark.timeout(SECONDS)
def test_ctrl_c_ends_it_in_order_with_a_count(place: Path) -> None:
    with soak(place, "--rate", "2", "--only", "kill function") as process:
        until_it_submits(process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "exact" in said
    assert left(place) == []


@pytest.mark.timeout(SECONDS)
def test_killed_it_leaves_nothing_behind(place: Path) -> None:
    """`kill -9`: its guard ends the engines and the platform, and takes the folder away."""
    with soak(place, "--only", "kill function") as process:
        until_it_submits(process)
        assert len(left(place)) > len(ENGINES)
        process.kill()
    wait_for(lambda: not left(place) and not list(place.glob("soak-*/*")), "everything to be gone", 120)


def test_a_hurt_that_is_not_known_is_said_in_words() -> None:
    command = [sys.executable, "-m", "scripts.soak", "--only", "love"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert said.stderr == "no hurt is named like love; --list shows them\n"
