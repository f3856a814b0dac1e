"""The same tasks in one process: the same functions and the same transactions, events handed over in memory.

    python -m scripts.benchmarks.in_process COUNT     in the home of BIZOSAAS_HOME, which it makes ready

Prints {"cpu": CPU seconds of the tasks, "seconds": [one time a task], "memory_mib": what it holds then}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence

from events.envelope import decode
from events.work import RoleWork
from functions.catalogue import by_name, functions
from scripts.benchmarks import machine
from scripts.benchmarks.work import plain_orders
from scripts.demo_tenants import seed_settings
from shared.auth.keys import ensure_keys
from shared.bus.port import Message
from shared.contract import Caller, Context
from shared.coordination.flow import Order, submit
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.process import process
from shared.runtime.services import Services
from shared.settings import settings
from shared.store.database import Unit
from shared.store.migrate import migrate_all

PLATFORM = Caller("service:bench", "", "AGENT")
ROLES = {spec.role: spec for spec in functions() if spec.role}


class InMemory:
    """Where a bus would be."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self.work: list[Message] = []
        self.facts: list[Message] = []

    def send(self, work: Sequence[tuple[str, Message]], facts: Sequence[tuple[str, Message]] = ()) -> None:
        """Keep all of it."""
        self.work += [message for _, message in work]
        self.facts += [message for _, message in facts]

    def close(self) -> None:
        """Nothing to let go of."""


def one_task(order: dict[str, object], number: int, sent: InMemory) -> None:
    """Submit a task, let its roles work, and record the facts."""
    context = Context(f"c-{number}", "/bench", "demo", "bench", f"c-{number}", utc_now())
    unit = Unit("orchestration")
    try:
        services = Services(by_name()["tasks-create"], context, unit)
        _, events = submit(services, Order("order", order))
        rows = outbox.stamp(events, "tasks-create", context, utc_now())
        outbox.write(unit, rows)
        unit.commit()
    finally:
        unit.close()
    outbox.send("orchestration", rows, sent)
    while sent.work:
        envelope = decode(sent.work.pop(0).body)
        if isinstance(envelope.event, RoleWork):
            (outcome,) = process(ROLES[envelope.event.role], [envelope], PLATFORM)
            assert outcome.error is None, outcome.error
    facts, sent.facts = sent.facts, []
    assert all(
        done.error is None for done in process(by_name()["audit-record"], [decode(m.body) for m in facts], PLATFORM)
    )


def main() -> None:
    """The command line."""
    count = int(sys.argv[1])
    ensure_keys(settings().secrets)
    migrate_all()
    seed_settings()
    sent = InMemory()
    outbox.publisher = lambda: sent
    orders = plain_orders(count + 3)
    for number, order in enumerate(orders[:3]):
        one_task(order, number, sent)
    seconds = []
    cpu = time.process_time()
    for number, order in enumerate(orders[3:], 3):
        began = time.perf_counter()
        one_task(order, number, sent)
        seconds.append(time.perf_counter() - began)
    memory = machine.memory_mib(os.getpid())
    print(json.dumps({"cpu": time.process_time() - cpu, "seconds": seconds, "memory_mib": memory}))


if __name__ == "__main__":
    main()
