"""What hangs (SIGSTOP) while five hundred tasks flow: others do its work, and it doubles nothing when it wakes."""

from __future__ import annotations

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.flows.platform import wait_for
from tests.flows.processes.conftest import MakeHouse
from tests.flows.processes.round import PATIENCE, Round, bridges, left_of, no_traceback, suspended, under_way

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1500)]
LIMIT = 15
#: Functions that hang: roles, one that a queue calls, one that a topic calls, and one that callers wait for.
HANG = ("agent-ticket-triager", "agent-payment-validator", "hitl-open", "audit-record", "tasks-create")


def test_a_bridge_hangs_with_messages_and_another_takes_them_over(house: MakeHouse) -> None:
    """The brokers notice by its heartbeat and its session. Awake again it finds its leases lost, and goes on; then the
    other one hangs."""
    one = house(heartbeat=5, session=6).start("--bridges", "2")
    wait_for(lambda: one.has_line("bridging", bridge=1) and one.has_line("bridging", bridge=2), "both bridges")
    both = bridges(one)
    work = Round(one)
    for number in work.moments(2):
        with suspended(both[number]):
            held = under_way(one)
            wait_for(lambda: left_of(one, held) == 0, "the other bridge to do its work", PATIENCE)  # noqa: B023  # asked at once
    work.reckoning()
    assert bridges(one) == both
    no_traceback(one)


def test_a_function_hangs_and_is_ended_at_its_time_limit(house: MakeHouse) -> None:
    """Its callers are told (504): a role's work goes to a human, everything else is tried again."""
    one = house(timeout=dict.fromkeys(HANG, f"{LIMIT}s")).start()
    work = Round(one)
    hung: list[tuple[str, int]] = []
    for number in work.moments(len(HANG)):
        function = HANG[number]
        pid = wait_for(lambda: one.pid_of(function), f"{function} to be awake", PATIENCE)  # noqa: B023  # asked at once
        psutil.Process(pid).suspend()
        hung.append((function, pid))
    work.reckoning()
    for function, pid in hung:
        # One that hung without a call is ended by the first that comes, or as an idle one.
        wait_for(lambda: not psutil.pid_exists(pid), f"{function} to be ended", PATIENCE)  # noqa: B023  # asked at once
    assert any(one.has_line("killed", pid=pid, reason="over_time") for _, pid in hung)
    no_traceback(one)
