"""The bridge processes beside a host: as many as it was told, alive as long as it is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from host import bridging
from host.bridges import Bridges
from shared.errors import Invalid
from shared.settings import settings
from tests.flows.platform import wait_for

PROGRAM = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print('{"event": "bridging", "pid": %d}' % os.getpid(), flush=True)
time.sleep(600)
"""


class Heard:
    """Bridges that run a program of the test's own, and what was heard of them."""

    def __init__(self, count: int, program: str) -> None:
        self.lines: list[tuple[int, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.bridges = Bridges(count, [], lambda number, _pid, line: self.lines.append((number, line)), self._event)
        self.bridges._command = [sys.executable, "-c", program]

    def _event(self, kind: str, **fields: Any) -> None:
        self.events.append({"kind": kind, **fields})

    def pids(self) -> list[int]:
        return [line["pid"] for _, line in self.lines if isinstance(line, dict)]

    def run(self, story: Callable[[], Any]) -> None:
        async def main() -> None:
            self.bridges.start()
            try:
                await story()
            finally:
                await self.bridges.stop(5)

        asyncio.run(main())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)  # a poll between two looks at a condition


def test_as_many_as_told_run_and_all_end_in_order() -> None:
    heard = Heard(2, PROGRAM)

    async def story() -> None:
        await _until(lambda: len(heard.pids()) == 2)

    heard.run(story)
    assert sorted(number for number, _ in heard.lines) == [1, 2]
    assert not any(psutil.pid_exists(pid) for pid in heard.pids())
    assert heard.events == []


def test_one_that_is_killed_is_told_and_started_again() -> None:
    heard = Heard(1, PROGRAM)

    async def story() -> None:
        await _until(lambda: len(heard.pids()) == 1)
        os.kill(heard.pids()[0], signal.SIGKILL)
        await _until(lambda: len(heard.pids()) == 2)

    heard.run(story)
    assert heard.events == [{"kind": "bridge_died", "bridge": 1, "code": -9, "again_in": 0.4}]


def test_one_that_dies_again_and_again_waits_longer_each_time() -> None:
    heard = Heard(1, "print('no', flush=True); raise SystemExit(3)")

    async def story() -> None:
        await _until(lambda: len(heard.events) == 3)

    heard.run(story)
    assert [event["again_in"] for event in heard.events[:3]] == [0.4, 0.8, 1.6]
    assert {event["code"] for event in heard.events} == {3}


def test_one_that_does_not_end_is_killed() -> None:
    heard = Heard(1, PROGRAM.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN"))

    async def story() -> None:
        await _until(lambda: len(heard.pids()) == 1)

    async def main() -> None:
        heard.bridges.start()
        await story()
        await heard.bridges.stop(0.1)

    asyncio.run(main())
    assert not psutil.pid_exists(heard.pids()[0])


def test_they_die_with_a_host_that_is_killed() -> None:
    """A bridge that outlived its host would hold work that nobody does."""
    host = """
import asyncio
from tests.host.test_bridges import Heard, PROGRAM, _until
heard = Heard(1, PROGRAM)
async def main():
    heard.bridges.start()
    await _until(lambda: heard.pids())
    print(heard.pids()[0], flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": str(root), "PATH": ""}
    with subprocess.Popen([sys.executable, "-c", host], cwd=root, env=environment, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        running.kill()
    wait_for(lambda: not psutil.pid_exists(pid), "the bridge to be gone")


def test_the_embedded_bus_has_its_one_reader_in_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BIZOSAAS_HOME", str(tmp_path))
    monkeypatch.delenv("BIZOSAAS_FACTS_URL", raising=False)
    monkeypatch.setenv("BIZOSAAS_WORK_URL", "amqp://a:b@127.0.0.1:1/x")
    settings.cache_clear()
    try:
        with pytest.raises(Invalid, match="BIZOSAAS_FACTS_URL"):
            bridging.need_brokers()
        assert bridging.main([]) == Invalid.exit_code
    finally:
        settings.cache_clear()
    assert "BIZOSAAS_FACTS_URL" in capsys.readouterr().err
