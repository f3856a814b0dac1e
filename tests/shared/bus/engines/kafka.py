"""Kafka under the contract tests: topics of the test's own, and a group that is read until it answers.

Leases and pauses are kept in the reader's process, so the test moves their clock; retention is the broker's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from shared.bus.kafka import KafkaAddress, KafkaFacts, kafka_address
from shared.bus.kafka.topology import TopicSettings, apply
from shared.bus.port import Record
from tests.engines import kafka_servers
from tests.shared.bus.engines.embedded import MovableClock
from tests.shared.bus.world import World, topology

_PATIENCE = 20.0
_QUIET = 0.5  # a group that has its partitions and has read nothing for so long has nothing to read


class PatientFacts(KafkaFacts):
    """The bus of a test that reads once: waits until a new member has its partitions, and then for what comes soon."""

    def read(self, topics: Sequence[str], group: str, limit: int, seconds: float) -> list[Record]:
        deadline, quiet = time.monotonic() + _PATIENCE, 0.0
        while time.monotonic() < deadline:
            if (records := super().read(topics, group, limit, seconds)) or limit < 1:
                return records
            if not self._members[group].settled:
                quiet = 0.0
            elif not quiet:
                quiet = time.monotonic()
            elif time.monotonic() - quiet > _QUIET:
                return []
            time.sleep(0.005)
        return []


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """New topics, and away with them."""
    clock = MovableClock()
    joined: list[PatientFacts] = []
    address = new_namespace()

    def join_one() -> PatientFacts:
        joined.append(PatientFacts(address, topology(), clock=clock))
        return joined[-1]

    name = f"kafka://{','.join(address.servers)}/{address.namespace}"
    try:
        yield World("kafka", name, clock.advance, clock, join_one, join_one())
    finally:
        for bus in joined:
            bus.close()
            for bell in bus.bells():
                bell.close()
        remove_namespace(address)


def new_namespace() -> KafkaAddress:
    """The topics of the contract tests under a name of their own."""
    address = kafka_address(f"kafka://{kafka_servers()}/test-{token_hex(4)}")
    apply(address, topology(), TopicSettings(replication=1, in_sync=1))
    return address


def remove_namespace(address: KafkaAddress) -> None:
    """Away with its topics: the product itself never removes one."""
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=list(address.servers))
    admin.delete_topics([name for name in admin.list_topics() if address.own(name) is not None])
    admin.close()


def join(address: str) -> PatientFacts:
    """Another process's user of those topics (`worker.py`)."""
    return PatientFacts(kafka_address(address), topology())
