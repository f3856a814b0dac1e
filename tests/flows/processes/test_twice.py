"""Everything is delivered again and again while five hundred tasks flow: each effect happens once."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from shared.bus.port import Bus, Message
from shared.settings import CONTEXTS
from tests.flows.platform import Platform
from tests.flows.processes.conftest import MakeHouse
from tests.flows.processes.round import TASKS, Round, no_traceback

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1500)]
COPIES = 2


class Tap:
    """Sends all that is committed again, `COPIES` times under its own id, as soon as it is seen."""

    def __init__(self, one: Platform) -> None:
        self.one = one
        self.copied: Counter[str] = Counter()
        self._seen: set[tuple[str, int]] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """After it has copied all that is there."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with self.one.bus() as bus:
            while not self._over.wait(0.3):  # between two looks
                self._copy(bus)
            self._copy(bus)

    def _copy(self, bus: Bus) -> None:
        for context in CONTEXTS:
            rows = [row for row in self._rows(context) if (context, row[0]) not in self._seen]
            for start in range(0, len(rows), 100):
                self._send(bus, rows[start : start + 100])
            self._seen.update((context, row[0]) for row in rows)

    def _rows(self, context: str) -> list[tuple[Any, ...]]:
        # What was committed late has a lower number than what was seen before.
        first = max((seq for name, seq in self._seen if name == context), default=0) - 500
        query = "SELECT seq, id, to_queue, destination, key, priority, body FROM outbox WHERE seq > %s ORDER BY seq"
        return self.one.rows(context, query, first)

    def _send(self, bus: Bus, rows: list[tuple[Any, ...]]) -> None:
        work: list[tuple[str, Message]] = []
        facts: list[tuple[str, Message]] = []
        for _, id_, to_queue, destination, key, priority, body in rows:
            copies = [(destination, Message(id_, bytes(body), key=key, priority=priority))] * COPIES
            (work if to_queue else facts).extend(copies)
            self.copied[destination] += COPIES
        bus.send(work, facts)


def test_all_work_and_all_facts_are_delivered_three_times(house: MakeHouse) -> None:
    """At least: what a crash or a rebalance doubles is the same message under the same id, and looks like this."""
    one = house().start("--bridges", "2")
    work = Round(one)
    tap = Tap(one)
    work.accepted(TASKS)
    work.reckoning(tap.close)
    assert sum(tap.copied.values()) >= COPIES * TASKS
    assert {"hitl_approval", "auto_support_tickets", "ai.decisions", "hitl.requests"} <= tap.copied.keys()
    no_traceback(one)
