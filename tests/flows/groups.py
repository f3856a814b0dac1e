"""The groups of readers on Kafka, as its own tools see and change them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scripts.trial.waiting import wait_for


class Groups:
    """Asks and changes one Kafka."""

    def __init__(self, port: int) -> None:
        """`port` is the bootstrap server's, on 127.0.0.1."""
        from kafka import KafkaAdminClient

        self._admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}")

    def members(self, group: str) -> int:
        """How many readers a group has now; 0 while that cannot be told."""
        from kafka.errors import KafkaError

        try:
            return len(self._admin.describe_groups([group])[group]["members"])
        except KafkaError:
            return 0

    def read(self, group: str) -> int:
        """How many facts a group has read."""
        return sum(place.offset for place in self._admin.list_group_offsets([group])[group].values())

    def start_over(self, group: str) -> int:
        """Have a group read everything again, once nobody is in it: Kafka refuses it before. Returns how many facts
        that it has read come a second time."""
        from kafka.admin import OffsetSpec

        wait_for(lambda: self.members(group) == 0, f"{group} to have no reader", 60)
        read = self._admin.list_group_offsets([group])[group]
        told = self._admin.reset_group_offsets(group, dict.fromkeys(read, OffsetSpec.EARLIEST))
        errors = {str(one["error"]) for one in told.values()} - {"<class 'kafka.errors.NoError'>"}
        assert not errors, errors
        return sum(int(read[place].offset) - int(told[place]["offset"]) for place in read)

    def close(self) -> None:
        """Let go."""
        self._admin.close()


@contextmanager
def groups(port: int) -> Iterator[Groups]:
    """The groups of the Kafka at a port."""
    found = Groups(port)
    try:
        yield found
    finally:
        found.close()
