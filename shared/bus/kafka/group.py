"""A group as this process is a member of it: fetches its partitions, leases from them, commits behind what is handled.

1. Partitions are shared by cooperative rebalancing: what stays with its owner goes on without a pause.
2. What is fetched waits here, so that a lease, a pause or another try of a fact moves nothing on the broker, and a
   fetch for all partitions is always under way: its answer says that facts came.
3. A commit is noted at once and sent without waiting for its answer, one at a time; what was handled meanwhile goes
   with the next. Lost with a crash, it costs a second delivery, never a fact.
4. Before a partition goes to another member, what is handled in it is committed and waited for. Its leases end with
   it: a late `commit` changes nothing, the next owner reads those facts again.
5. Joining and rejoining run in the loop's thread: a `poll` that is as short as ours would begin them anew each time
   (kafka-python 3.0.12), and the group would never settle. So what changes hands changes there, under the lock.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from shared.bus.kafka.address import KafkaAddress
from shared.bus.kafka.codec import Row, row_of
from shared.bus.kafka.connect import LARGEST_MESSAGE, Loop, common, opened
from shared.bus.kafka.place import Place

log = logging.getLogger("bus")

_Partition = tuple[str, int]

#: Rows that can be leased at once before more are taken over from the consumer: more than the largest batch of a
#: function has, or a backlog would come in parts of batches, each followed by a wait for more.
ENOUGH = 400
_ROWS = 10_000  # of one poll: all that was fetched, so that the next fetch is for every partition
#: How long the broker may hold a fetch: also the longest that another question to it waits behind one. Seconds.
_FETCH_SECONDS = 2.0
_TEND_SECONDS = 2.0
#: How soon one that has joined and does not yet fetch wants to be tended again.
SETTLING_SECONDS = 0.02
_JOIN_SECONDS = 10.0
#: A member that is not tended for so long leaves, and the others wait no longer for it. Seconds.
_SILENT_SECONDS = 60.0
_LARGEST_FETCH = 4 * 1024 * 1024
_LARGEST_PART = 256 * 1024  # of a partition in one fetch; a larger message comes alone


class GroupMember:
    """One group's consumer. Not for several threads at once."""

    def __init__(
        self, address: KafkaAddress, group: str, loop: Loop, arrived: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        """`arrived` is called in another thread when facts may have come; `clock` gives seconds since the epoch.
        KafkaError if no broker answers."""
        from kafka import KafkaConsumer
        from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

        self.places: dict[_Partition, Place] = {}
        self.topics: frozenset[str] = frozenset()
        self._address = address
        self._group = group
        self._ring = arrived
        self._clock = clock
        self._lock = threading.Lock()
        self._came = threading.Event()
        self._joining: Any = None
        self._settled = False  # whether a fetch was answered since it joined
        self._looked_at = 0.0
        self._sent: dict[_Partition, int] = {}
        self._sending: Any = None
        self._consumer = opened(
            KafkaConsumer,
            **common(address, group),
            kafka_client=loop.client(self._arrived),
            group_id=address.name(group),
            metrics_enabled=False,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            partition_assignment_strategy=(CooperativeStickyAssignor,),
            session_timeout_ms=address.session * 1000,
            heartbeat_interval_ms=address.session * 250,
            max_poll_interval_ms=int(_SILENT_SECONDS * 1000),
            enable_incremental_fetch_sessions=False,  # with them a backlog stood still for whole fetch waits (3.0.12)
            fetch_max_wait_ms=int(_FETCH_SECONDS * 1000),
            fetch_max_bytes=_LARGEST_FETCH,
            max_partition_fetch_bytes=_LARGEST_PART,
            receive_message_max_bytes=2 * LARGEST_MESSAGE + _LARGEST_FETCH,
        )

    def _arrived(self) -> None:
        self._settled = True
        self._came.set()
        self._ring()

    @property
    def settled(self) -> bool:
        """Whether it is a member that fetches."""
        return self._joining is None and self._settled

    @property
    def settling(self) -> bool:
        """Whether it has joined and does not yet fetch: it wants to be tended again at once."""
        return self._joining is None and not self._settled

    def follow(self, topics: Iterable[str]) -> None:
        """Read these topics, too."""
        wanted = self.topics | set(topics)
        if wanted != self.topics:
            self.topics = wanted
            self._consumer.subscribe(sorted(map(self._address.name, wanted)), listener=_listener(self))

    def tend(self) -> None:
        """Take what was fetched, ask for more, take part in the group. Cheap when nothing came and it was done
        just now; to be called at least every few seconds, or the group waits for this member."""
        if self._joins():
            return
        self._commit_soon()
        if time.monotonic() - self._looked_at < self._pause():
            return
        self._came.clear()
        found = self._consumer.poll(timeout_ms=0, max_records=_ROWS)
        self._looked_at = time.monotonic()
        if found:
            self._came.set()  # there may be more of the same answer
            self._keep(found)
        self._fetch_again()

    def _pause(self) -> float:
        """For how long nothing has to be asked of the consumer, in seconds since it was last asked."""
        if not self._settled:
            return SETTLING_SECONDS
        with self._lock:
            now = self._clock()
            enough = sum(len(place.rows) for place in self.places.values() if place.free_at <= now) >= ENOUGH
        return 0.0 if self._came.is_set() and not enough else _TEND_SECONDS

    def _joins(self) -> bool:
        """Whether it is under way to become a member (again); begins it when it has to."""
        if self._joining is not None:
            if not self._joining.is_done:
                return True
            joining, self._joining = self._joining, None
            if joining.failed():
                raise joining.exception
        coordinator = self._consumer._coordinator
        if not coordinator.need_rejoin():
            return False
        self._settled = False
        self._joining = self._consumer._net.call_soon_with_future(self._join)
        self._joining.add_both(lambda _answer: self._ring())
        return True

    async def _join(self) -> None:
        """In the loop's thread. The topics' partitions first: whoever leads the group shares out those it knows."""
        manager, known = self._consumer._manager, self._consumer._cluster.partitions_for_topic
        if not all(known(self._address.name(topic)) for topic in self.topics):
            await manager.wait_for(manager.cluster.request_update(), int(_JOIN_SECONDS * 1000))
        await self._consumer._coordinator.ensure_active_group_async(int(_JOIN_SECONDS * 1000))

    def _keep(self, found: dict[Any, Any]) -> None:
        with self._lock:
            owned = self._consumer.assignment()
            for partition, records in found.items():
                if partition in owned:  # it may have gone to another since it was asked for
                    key = (partition.topic, partition.partition)
                    self.places.setdefault(key, Place()).add(map(row_of, records))

    def lease(self, topics: Iterable[str], limit: int, now: float, until: float) -> tuple[str, list[Row]]:
        """Up to `limit` rows of partitions that are free, the longest free first, and the receipt of their lease."""
        names = set(map(self._address.name, topics))
        receipt = secrets.token_hex(8)
        rows: list[Row] = []
        with self._lock:
            for _, key in sorted((place.free_at, key) for key, place in self.places.items() if key[0] in names):
                if len(rows) == limit:
                    break
                rows += self.places[key].lease(limit - len(rows), receipt, now, until)
        return receipt, rows

    def commit(self, partition: _Partition, receipt: str, offset: int, now: float) -> bool:
        """Note that it is handled up to `offset`. False, and nothing is noted, when the lease is over."""
        with self._lock:
            place = self.places.get(partition)
            if place is None or not place.commit(receipt, offset, now):
                return False
        self._commit_soon()
        return True

    def ends(self) -> list[float]:
        """When the lease or the pause of each partition ends or ended."""
        with self._lock:
            return [place.free_at for place in self.places.values()]

    def flush(self, seconds: float = 5.0) -> None:
        """Commit what is handled and wait for the answer. KafkaError without one."""
        if self._sending is not None and not self._sending.is_done:
            self._sent.clear()  # what is on its way may not arrive
        if offsets := self._due():
            self._consumer.commit(_as_kafka(offsets), timeout_ms=int(seconds * 1000))
            self._sent |= offsets

    def close(self) -> None:
        """Leave the group, what is handled committed; the partitions go to others at once."""
        self._consumer.close(timeout_ms=3000)
        self.places.clear()

    def _fetch_again(self) -> None:
        """Go back for what had no room. (With pauses, readers on kafka-python 3.0.12 stood still for good.)"""
        from kafka import TopicPartition

        with self._lock:
            again = {key: at for key, place in self.places.items() if (at := place.resume_at()) is not None}
        for key, offset in again.items():
            self._consumer.seek(TopicPartition(*key), offset)

    def _due(self) -> dict[_Partition, int]:
        """Offsets that are handled and not committed as far as is known."""
        with self._lock:
            return {
                key: place.committed
                for key, place in self.places.items()
                if place.committed is not None and self._sent.get(key, -1) < place.committed
            }

    def _commit_soon(self) -> None:
        if self._sending is not None and not self._sending.is_done:
            return
        if offsets := self._due():
            self._sending = self._consumer.commit_async(_as_kafka(offsets), callback=self._answered)
            self._sent |= offsets

    def _answered(self, offsets: dict[Any, Any], answer: object) -> None:
        """Called by `poll`: what could not be committed is due again."""
        if isinstance(answer, Exception):
            for partition in offsets:
                self._sent.pop((partition.topic, partition.partition), None)

    async def revoked(self, partitions: Sequence[Any]) -> None:
        """In the loop's thread: they go to others after this."""
        from kafka.errors import KafkaError

        keys = [(one.topic, one.partition) for one in partitions]
        with self._lock:
            places = {key: self.places.pop(key, None) for key in keys}
        handled = {key: place.committed for key, place in places.items() if place and place.committed is not None}
        try:
            if handled:
                await self._consumer.commit_async(_as_kafka(handled))
        except KafkaError as error:
            log.warning("%s: what it handled could not be committed: %s", self._group, type(error).__name__)
        finally:
            self.lost(keys)

    def lost(self, keys: Iterable[_Partition]) -> None:
        """They are others' already."""
        with self._lock:
            for key in keys:
                self.places.pop(key, None)
                self._sent.pop(key, None)


def _as_kafka(offsets: dict[_Partition, int]) -> dict[Any, Any]:
    from kafka import TopicPartition
    from kafka.structs import OffsetAndMetadata

    return {TopicPartition(*key): OffsetAndMetadata(offset, "", -1) for key, offset in offsets.items()}


def _listener(member: GroupMember) -> Any:
    from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener

    class Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
        async def on_partitions_revoked(self, revoked: Sequence[Any]) -> None:
            await member.revoked(revoked)

        async def on_partitions_assigned(self, assigned: Sequence[Any]) -> None:
            """Their places begin with the first row."""

        async def on_partitions_lost(self, lost: Sequence[Any]) -> None:
            member.lost([(one.topic, one.partition) for one in lost])

    return Listener()
