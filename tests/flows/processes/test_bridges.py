"""kill -9 of bridges while five hundred tasks flow: the brokers give what they held to others, and nothing is lost or
done twice."""

from __future__ import annotations

import pytest

from tests.flows.platform import Platform, wait_for
from tests.flows.processes.conftest import MakeHouse
from tests.flows.processes.round import PATIENCE, Round, bridges, no_traceback

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1500)]


def test_bridges_are_killed_again_and_again_one_of_two_and_both_at_once(house: MakeHouse) -> None:
    """Five times the older one of two, which holds most, and twice both: the host starts them again, and in between
    nobody has to do anything."""
    one = house(session=6).start("--bridges", "2")
    work = Round(one)
    killed = 0
    for number in work.moments(7):
        wait_for(lambda: _begun(one) == 2 + killed, "both bridges to read", PATIENCE)  # noqa: B023  # asked at once
        for bridge in bridges(one)[: 2 if number in (2, 5) else 1]:
            bridge.kill()
            killed += 1
    work.reckoning()
    died = [line for line in one.lines if line.get("event") == "bridge_died"]
    assert [line["code"] for line in died] == [-9] * killed
    assert len(bridges(one)) == 2
    no_traceback(one)


def _begun(one: Platform) -> int:
    return sum(line.get("event") == "bridging" for line in list(one.lines))
