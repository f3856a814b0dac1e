"""A partition in its owner's hands: whatever is leased, released and lost, what is committed was handled, in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.bus.kafka.codec import Row
from shared.bus.kafka.place import FULL, Place


def row(offset):
    return Row("t", 0, offset, 0, None, b"", ())


class Partition(RuleBasedStateMachine):
    """`log` is the broker's; offsets have gaps, as compaction and transactions leave them."""

    def __init__(self):
        super().__init__()
        self.place = Place()
        self.log = [offset * 3 for offset in range(20 * FULL)]
        self.fetched = 0  # how many of the log
        self.now = 0.0
        self.leases = []  # (receipt, rows not committed) of all leases, the last is the one that may hold
        self.handled = 0  # how many of the log

    @rule(count=st.sampled_from([1, 7, FULL // 2, FULL + 5]))
    def fetch(self, count):
        resume = self.place.resume_at()
        if resume is not None:
            self.fetched = next(index for index, offset in enumerate(self.log) if offset >= resume)
        self.place.add(row(offset) for offset in self.log[self.fetched : self.fetched + count])
        self.fetched += count

    @rule(limit=st.sampled_from([1, 5, FULL]), seconds=st.sampled_from([1.0, 10.0]))
    def lease(self, limit, seconds):
        receipt = f"r{len(self.leases)}"
        free = self.place.free_at <= self.now
        rows = self.place.lease(limit, receipt, self.now, self.now + seconds)
        if rows:
            assert free
            assert [one.offset for one in rows] == self.log[self.handled : self.handled + len(rows)]
            self.leases.append((receipt, [one.offset for one in rows]))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def commit(self, data):
        receipt, offsets = data.draw(st.sampled_from(self.leases[-3:]))
        offset = data.draw(st.sampled_from(offsets))
        held = self.place.held(receipt)
        assert self.place.commit(receipt, offset, self.now) == held
        if held:
            self.handled = max(self.handled, self.log.index(offset) + 1)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), delay=st.sampled_from([0.0, 5.0]))
    def release(self, data, delay):
        receipt, _ = data.draw(st.sampled_from(self.leases[-3:]))
        self.place.release(receipt, self.now + delay)

    @rule(seconds=st.sampled_from([0.5, 11.0]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def what_is_committed_is_what_was_handled(self):
        expected = None if self.handled == 0 else self.log[self.handled - 1] + 1
        assert self.place.committed == expected
        assert len(self.place.rows) <= FULL


TestPartition = Partition.TestCase
TestPartition.settings = settings(max_examples=60, stateful_step_count=40)
