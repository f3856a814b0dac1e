"""The topics of Kafka as the house reads them: `FactLog`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from events.topology import Topology
from shared.bus.kafka.address import KafkaAddress
from shared.bus.kafka.codec import message_of
from shared.bus.kafka.connect import Loop, Patience, common, kafka_errors, opened
from shared.bus.kafka.dead import skipped
from shared.bus.kafka.group import SETTLING_SECONDS, GroupMember
from shared.bus.kafka.place import Place
from shared.bus.kafka.publish import KafkaSender
from shared.bus.port import Record
from shared.errors import Invalid, TryAgain


class KafkaReader:
    """`FactLog` on Kafka. A group is joined with its first `read` and left with `close`."""

    def __init__(
        self,
        address: KafkaAddress,
        topology: Topology,
        sender: KafkaSender,
        *,
        ring: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`ring` is called in another thread when facts may have come: it must not block. `clock` gives seconds since
        the epoch."""
        self._address = address
        self._topology = topology
        self._sender = sender
        self._ring = ring
        self._clock = clock
        self._lock = threading.RLock()
        self._loop = Loop()
        self._members: dict[str, GroupMember] = {}
        self._patience = Patience()
        self._admin: Any = None

    def read(self, topics: Sequence[str], group: str, limit: int, seconds: float) -> list[Record]:
        """See `FactLog.read`. Returns at once: a group that has just begun is still joining, and has nothing yet.

        With a `limit` of 0 nothing is read: the group's member takes part in it, which it must every few seconds.
        """
        self._check(topics, group)
        with self._lock, self._using(group) as member:
            member.follow(topics)
            member.tend()
            now = self._clock()
            receipt, rows = member.lease(topics, limit, now, now + seconds) if limit > 0 else ("", [])
        return [
            Record(
                topic=self._address.own(row.topic) or row.topic,
                partition=row.partition,
                offset=row.offset,
                message=message_of(row),
                receipt=receipt,
                taken_at=row.taken_at,
            )
            for row in rows
        ]

    def commit(self, group: str, records: Sequence[Record]) -> int:
        """See `FactLog.commit`. The offsets are noted here and are at the broker soon after: see `GroupMember`."""
        last: dict[tuple[str, int, str], list[int]] = {}
        for record in records:
            last.setdefault((record.topic, record.partition, record.receipt), []).append(record.offset)
        with self._lock:
            member = self._members.get(group)
            if member is None:
                return 0
            now = self._clock()
            with self._using(group):
                return sum(
                    len(offsets) * member.commit((self._address.name(topic), part), receipt, max(offsets), now)
                    for (topic, part, receipt), offsets in last.items()
                )

    def release(self, group: str, records: Sequence[Record], delay: float = 0.0) -> None:
        """See `FactLog.release`."""
        with self._lock:
            free_at = self._clock() + delay
            for record in records:
                if (place := self._place(group, record)) is not None:
                    place.release(record.receipt, free_at)

    def skip(self, group: str, record: Record, reason: str) -> bool:
        """See `FactLog.skip`. Kept first and committed then: a crash between the two keeps it a second time under
        the same id, as one letter."""
        with self._lock:
            place = self._place(group, record)
            if place is None or not place.held(record.receipt) or not place.waits(record.offset):
                return False
            self._sender.send_raw(
                *skipped(self._address, group, record, reason, max(1, place.tries(record.offset)), self._clock())
            )
            return self.commit(group, [record]) == 1

    def lag(self, group: str) -> dict[str, int]:
        """See `FactLog.lag`; asked of the broker, so it is right for a group that others read, too."""
        from kafka import TopicPartition
        from kafka.admin import OffsetSpec

        with self._lock, kafka_errors():
            member = self._members.get(group)
            if member is not None:
                member.flush()
            name = self._address.name(group)
            committed = self._ask().list_group_offsets([name])[name]
            read = {self._address.own(place.topic) or "" for place in committed}
            topics = read | set(member.topics if member else ())
            places = [
                TopicPartition(self._address.name(topic), part)
                for topic in topics
                if topic in self._topology.topics
                for part in self._partitions(self._address.name(topic))
            ]
            if not places:
                return {}
            ends = self._ask().list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
            starts = self._ask().list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
        found: dict[str, int] = {}
        for place in places:
            known = committed.get(place)
            at = starts[place].offset if known is None or known.offset < 0 else known.offset
            topic = self._address.own(place.topic) or place.topic
            found[topic] = found.get(topic, 0) + max(0, ends[place].offset - max(at, starts[place].offset))
        return found

    def forget(self, group: str) -> None:
        """See `FactLog.forget`. TryAgain while another process still is a member of it."""
        name = self._address.name(group)
        with self._lock:
            self._drop(group)
            with kafka_errors():
                told = self._ask().delete_groups([name])[name]
        if told not in ("OK", "NoError", "GroupIdNotFoundError"):
            raise TryAgain(f"group {group}: {told}")

    def sweep(self) -> int:
        """Nothing: the brokers delete by each topic's retention, whoever has yet to read."""
        return 0

    def moments(self, now: float) -> Iterable[float]:
        """When a lease or a pause ends, of all groups here; those whose group is about to fetch come first."""
        for member in self._members.values():
            if member.settling:
                yield now + SETTLING_SECONDS
            yield from member.ends()

    def leave(self) -> None:
        """Leave all groups; what is handled is committed."""
        with self._lock:
            for group in list(self._members):
                self._drop(group)
            self._loop.close()
            admin, self._admin = self._admin, None
            if admin is not None:
                admin.close()

    @contextmanager
    def _using(self, group: str) -> Iterator[GroupMember]:
        """A member that failed is dropped, and joins again as a new one."""
        if group not in self._members:
            with self._patience.attempt():
                self._members[group] = GroupMember(self._address, group, self._loop, self._ring, self._clock)
        try:
            with kafka_errors():
                yield self._members[group]
        except TryAgain:
            self._drop(group)
            raise

    def _drop(self, group: str) -> None:
        member = self._members.pop(group, None)
        if member is not None:
            try:
                with kafka_errors():
                    member.close()
            except TryAgain:  # it left without a word: the group notices when its session ends
                return

    def _place(self, group: str, record: Record) -> Place | None:
        member = self._members.get(group)
        return member.places.get((self._address.name(record.topic), record.partition)) if member else None

    def _ask(self) -> Any:
        from kafka import KafkaAdminClient

        if self._admin is None:
            with self._patience.attempt():
                self._admin = opened(KafkaAdminClient, **common(self._address, "reader"))
        return self._admin

    def _partitions(self, topic: str) -> range:
        (told,) = self._ask().describe_topics([topic])
        return range(len(told["partitions"]))

    def _check(self, topics: Sequence[str], group: str) -> None:
        if not group:
            raise Invalid.field("group", "a reader belongs to a group")
        for topic in topics:
            if topic not in self._topology.topics:
                raise Invalid.field("topic", f"{topic!r} is not in the topology")
