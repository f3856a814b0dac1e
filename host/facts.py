"""Facts on their way from the bus to a function: what goes together, in which order, and what becomes of each."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from host.deliver import Verdict
from host.subscriptions import Subscription
from shared.bus.backoff import backoff
from shared.bus.port import Bus, Record

FACT_ATTEMPTS = 8
FACT_PATIENCE = 60

Deliver = Callable[[Subscription, Sequence[Record], int], Awaitable[list[Verdict]]]
_Place = tuple[str, str, int, int]


class Facts:
    """Hands facts to functions and counts the attempts."""

    def __init__(
        self, bus: Bus, deliver: Deliver, tell: Callable[[Callable[[], object]], None], on_event: Callable[..., None]
    ) -> None:
        """`deliver` calls the function; `tell` keeps what is to be done on the bus, in order, for its thread."""
        self._bus = bus
        self._deliver = deliver
        self._tell = tell
        self._on_event = on_event
        self._attempts: dict[_Place, int] = defaultdict(int)

    def lanes(self, subscription: Subscription, records: Sequence[Record]) -> list[list[Record]]:
        """What goes to the function by itself: each partition; for one that takes batches all partitions together,
        but for those that failed before, so that a fact that fails always is found without its neighbours."""
        partitions = _by_partition(records)
        if subscription.batch == 1:
            return partitions
        failed = [one for one in partitions if self._attempts.get(_place(subscription.function, one[0]))]
        fresh = [record for one in partitions if one not in failed for record in one]
        return [*failed, fresh] if fresh else failed

    async def hand_over(self, subscription: Subscription, records: Sequence[Record]) -> None:
        """Facts, in order within each partition: committed up to the first of a partition that must wait. Those that
        are all committed are free by that."""
        group = subscription.function
        waiting: set[tuple[str, int]] = set()
        # Half as many with each failure: a batch may be more than the function does in its time.
        tries = self._attempts.get(_place(group, records[0]), 0)
        for some in parts(records, max(1, subscription.batch >> tries)):
            part = [record for record in some if (record.topic, record.partition) not in waiting]
            if not part:
                continue
            attempt = 1 + max(self._attempts.get(_place(group, record), 0) for record in part)
            answers = await self._deliver(subscription, part, attempt)
            verdicts = {_place(group, record): verdict for record, verdict in zip(part, answers, strict=True)}
            done: list[Record] = []
            for partition in _by_partition(part):
                judged = self._judged(group, partition, verdicts)
                done += judged
                if len(judged) < len(partition):
                    waiting.add((partition[0].topic, partition[0].partition))
                    late = partition[len(judged)]
                    whole = [one for one in records if (one.topic, one.partition) == (late.topic, late.partition)]
                    self._wait(group, judged, whole, late, verdicts[_place(group, late)])
            self._commit(group, [one for one in done if (one.topic, one.partition) not in waiting])

    def _judged(self, group: str, partition: Sequence[Record], verdicts: Mapping[_Place, Verdict]) -> list[Record]:
        """Those of a partition that are over: done, or skipped with the reason."""
        for index, record in enumerate(partition):
            verdict = verdicts[_place(group, record)]
            if verdict.kind == "later" and not self._given_up(group, record, verdict):
                return list(partition[:index])
            if verdict.kind != "done":
                self._skip(group, partition[:index], record, verdict)
        return list(partition)

    def _given_up(self, group: str, record: Record, verdict: Verdict) -> bool:
        place = _place(group, record)
        self._attempts[place] += 1
        return self._attempts[place] >= (FACT_PATIENCE if verdict.patient else FACT_ATTEMPTS)

    def _wait(
        self, group: str, done: Sequence[Record], all_of_it: Sequence[Record], record: Record, verdict: Verdict
    ) -> None:
        attempt = self._attempts[_place(group, record)]
        delay = max(backoff(attempt, 0.5, 60.0, random.random), verdict.delay or 0.0)
        self._commit(group, done)
        self._tell(lambda: self._bus.release(group, all_of_it, delay))
        fields = {"topic": record.topic, "id": record.message.id, "reason": verdict.reason}
        self._on_event("retried", attempt=attempt, function=group, **fields)

    def _skip(self, group: str, done: Sequence[Record], record: Record, verdict: Verdict) -> None:
        self._commit(group, done)
        self._attempts.pop(_place(group, record), None)
        self._tell(lambda: self._bus.skip(group, record, verdict.reason))
        fields = {"topic": record.topic, "id": record.message.id, "reason": verdict.reason}
        self._on_event("skipped", function=group, **fields)

    def _commit(self, group: str, records: Sequence[Record]) -> None:
        if records:
            for record in records:
                self._attempts.pop(_place(group, record), None)
            self._tell(lambda: self._bus.commit(group, records))


def _place(group: str, record: Record) -> _Place:
    return group, record.topic, record.partition, record.offset


def parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Slices of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _by_partition(records: Sequence[Record]) -> list[list[Record]]:
    found: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        found[record.topic, record.partition].append(record)
    return list(found.values())
