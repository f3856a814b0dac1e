"""kill -9 of the host while five hundred tasks flow, and bridges that outlive it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.flows.platform import ROOT, Platform, wait_for
from tests.flows.processes.conftest import MakeHouse
from tests.flows.processes.round import PATIENCE, Round, no_traceback

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1500)]
AWAY, BACK = "the gateway does not answer", "the gateway answers again"


class Outside:
    """A bridge that nobody but the test has started."""

    def __init__(self, one: Platform, log: Path) -> None:
        where = ["--stack", str(one.stack), "--gateway", f"http://127.0.0.1:{one.port}"]
        self.log = log
        with log.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "host.bridging", *where],
                cwd=ROOT, env=one.variables(), stdout=stream, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def said(self, words: str) -> int:
        """In how many lines it has said this."""
        return sum(words in line for line in self.log.read_text().splitlines())


@contextmanager
def outside(one: Platform, folder: Path) -> Iterator[list[Outside]]:
    bridges = [Outside(one, folder / f"bridge{number}.log") for number in (1, 2)]
    try:
        yield bridges
    finally:
        for bridge in bridges:
            bridge.process.terminate()
        for bridge in bridges:
            bridge.process.wait(60)


def test_the_host_is_killed_and_the_bridges_hold_what_they_have_until_it_is_back(
    house: MakeHouse, tmp_path: Path
) -> None:
    """Three times. A gateway that is away is nobody's fault: no message loses an attempt by it, so none dies of it."""
    one = house(session=6).start()
    with outside(one, tmp_path) as bridges:
        for bridge in bridges:
            wait_for(lambda: bridge.said("bridging"), "an outside bridge to begin", PATIENCE)  # noqa: B023  # asked at once
        work = Round(one)
        for number in work.moments(3):
            one.kill()
            for bridge in bridges:
                wait_for(lambda: bridge.said(AWAY) > number, "a bridge to find nobody", PATIENCE)  # noqa: B023  # asked at once
            one.start()
        work.reckoning()
        no_traceback(one)
        for bridge in bridges:
            assert bridge.process.poll() is None
            assert bridge.said(AWAY) == bridge.said(BACK) >= 3
            assert bridge.said("Traceback") == 0
    assert [bridge.process.returncode for bridge in bridges] == [0, 0]
