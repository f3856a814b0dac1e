"""Tools run in the caller's thread while another thread works with a model."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.agents.answer import ModelFailed
from shared.agents.case import Tool
from shared.agents.workbench import ToolStopped, Workbench
from shared.errors import Invalid
from tests.shared.agents.sample import TOOLS, case


def bench(seconds: float = 10.0) -> Workbench[str]:
    return Workbench(case(), time.monotonic() + seconds)


def test_the_worker_asks_and_the_caller_computes() -> None:
    made = bench()
    assert made.run(lambda: f"{made.ask('deviation')} {made.ask('largest_line')}") == '0.0 "SHOE"'
    assert made.used == ["deviation", "largest_line"]
    assert made.closed


def test_many_threads_may_ask_at_once() -> None:
    made = bench()

    def work() -> str:
        with ThreadPoolExecutor(8) as pool:
            return ",".join(pool.map(made.ask, ["deviation", "largest_line", "wording", "total"]))

    assert made.run(work).startswith('0.0,"SHOE",')
    assert sorted(made.used) == ["deviation", "largest_line", "total", "wording"]


def test_what_the_worker_raises_is_raised() -> None:
    def work() -> str:
        raise ModelFailed("no")

    with pytest.raises(ModelFailed, match="no"):
        bench().run(work)


def test_what_a_tool_raises_ends_the_work_and_the_worker_gets_nothing_more() -> None:
    made: Workbench[str] = Workbench(case(lines=[]), time.monotonic() + 10)
    ended = threading.Event()

    def work() -> str:
        for _ in range(2):
            with pytest.raises(ModelFailed, match="the work is over"):
                made.ask("total")
        ended.set()
        return "late"

    with pytest.raises(ToolStopped) as caught:
        made.run(work)
    assert isinstance(caught.value.error, Invalid)
    assert ended.wait(5)
    assert made.used == ["total"]


def test_the_caller_waits_no_longer_than_the_deadline() -> None:
    over = threading.Event()
    made = bench(0.1)
    with pytest.raises(ModelFailed, match="took too long"):
        made.run(lambda: str(over.wait(5)))
    over.set()


def test_the_fifth_call_of_one_tool_is_refused() -> None:
    made = bench()
    with pytest.raises(ModelFailed, match="went on calling total after 4 calls"):
        made.run(lambda: "".join(made.ask("total") for _ in range(5)))


def test_a_long_result_is_cut() -> None:
    made = bench()
    made.case.tools = {**TOOLS, "total": Tool("total", "", lambda _: "x" * 100_000)}
    assert len(made.run(lambda: made.ask("total"))) < 9_000
