"""One partition as the member of a group that owns it sees it: what was fetched, what is leased, when it is free."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from shared.bus.kafka.codec import Row

#: Rows that wait in a place at most.
FULL = 2000


class Place:
    """Leases its rows from the first that is not committed on. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self.rows: deque[Row] = deque()
        self.committed: int | None = None  # the offset after the last handled row, once there is one
        self.receipt: str | None = None
        self.free_at = 0.0  # when its lease or its pause ends
        self._leased_to = -1
        self._cut = False
        self._tries: Counter[int] = Counter()

    def add(self, rows: Iterable[Row]) -> None:
        """What was fetched, in order. What it has no room for is left at the broker: `resume_at` says so later."""
        for row in rows:
            if len(self.rows) >= FULL:
                self._cut = True
            if not self._cut:
                self.rows.append(row)

    def resume_at(self) -> int | None:
        """The offset from which to fetch again what was left at the broker, once there is room."""
        if not self._cut or len(self.rows) > FULL // 2:
            return None
        self._cut = False
        return self.rows[-1].offset + 1 if self.rows else self.committed

    def lease(self, limit: int, receipt: str, now: float, until: float) -> list[Row]:
        """Its first rows, if it is free."""
        if not self.rows or self.free_at > now:
            return []
        taken = [self.rows[index] for index in range(min(limit, len(self.rows)))]
        self.receipt, self.free_at, self._leased_to = receipt, until, taken[-1].offset
        self._tries.update(row.offset for row in taken)
        return taken

    def held(self, receipt: str) -> bool:
        """Whether that lease still is the last one."""
        return self.receipt is not None and self.receipt == receipt

    def commit(self, receipt: str, offset: int, now: float) -> bool:
        """The row at `offset` and all before it are handled; free again when that is all that was leased."""
        if not self.held(receipt):
            return False
        while self.rows and self.rows[0].offset <= offset:
            self._tries.pop(self.rows.popleft().offset, None)
        self.committed = max(self.committed or 0, offset + 1)
        if offset >= self._leased_to:
            self.receipt, self.free_at = None, now
        return True

    def waits(self, offset: int) -> bool:
        """Whether the row at `offset` is yet to be committed."""
        return self.committed is None or self.committed <= offset

    def release(self, receipt: str, free_at: float) -> None:
        """End the lease; nothing is leased before `free_at`."""
        if self.held(receipt):
            self.receipt, self.free_at = None, free_at

    def tries(self, offset: int) -> int:
        """How often the row was leased here."""
        return self._tries[offset]
