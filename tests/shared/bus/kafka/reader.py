"""A member of a group in a process of its own, working as the bridge does: `reader.py ADDRESS GROUP SECONDS`.

It takes facts by threes, works on them for SECONDS while it goes on taking part in the group, says `done ID` for each
and commits; `late ID` when its partition had gone to another by then. It ends when its input does, and leaves in order.
"""

from __future__ import annotations

import select
import sys
import time

from shared.bus.kafka import KafkaFacts, kafka_address
from shared.bus.port import Record
from tests.shared.bus.world import topology

TOPIC = "domain.orders"


def say(*words: str) -> None:
    print(*words, flush=True)


def main(address: str, group: str, seconds: float) -> None:
    bus = KafkaFacts(kafka_address(address), topology())
    at_work: list[tuple[float, list[Record]]] = []
    say("ready")
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        if records := bus.read([TOPIC], group, 3, 60):
            at_work.append((time.monotonic() + seconds, records))
            for record in records:
                say("got", record.message.id)
        while at_work and at_work[0][0] <= time.monotonic():
            finish(bus, group, at_work.pop(0)[1])
    bus.close()


def finish(bus: KafkaFacts, group: str, records: list[Record]) -> None:
    for record in records:
        say("done", record.message.id)
        if not bus.commit(group, [record]):
            say("late", record.message.id)


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
