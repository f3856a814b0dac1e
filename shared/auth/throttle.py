"""Failed logins slow down the next ones: an account at one address soon, an account anywhere after many.

The second limit is the 100 consecutive failures of NIST SP 800-63B, 5.2.2; the first keeps a guesser from making the
owner of the account, who is elsewhere, wait with him. A good login clears both. E-mails are counted whether or not
somebody has them, so the answer says nothing about who has an account.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.auth.users import one_form
from shared.errors import RateLimited
from shared.runtime.clock import utc_now
from shared.store.database import Unit
from shared.store.identity import login_failures

#: The wait after the last free failure is 1 s and doubles with each further one, up to 15 minutes.
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
#: Failures are forgotten a day after the last one.
MEMORY = timedelta(days=1)


#: How many failures in a row cost nothing.
FREE_AT_ADDRESS = 5
FREE_ANYWHERE = 100


class _Counter(NamedTuple):
    key: str
    free: int


class Throttle:
    """The failures of one account, seen from one address."""

    def __init__(self, unit: Unit, email: str, address: str, now: Callable[[], datetime] = utc_now) -> None:
        """`unit` is the identity database's; `now` is the clock."""
        self._unit = unit
        self._now = now
        account = one_form(email)
        self._counters = (
            _Counter(_key("account", account), FREE_ANYWHERE),
            _Counter(_key("account at address", account, address), FREE_AT_ADDRESS),
        )

    def refuse_early(self) -> None:
        """Raise `RateLimited` while one has to wait; looks only, so a waiting caller costs no hash and no lock."""
        self._refuse(self._rows(self._unit.read()))

    def begin_outcome(self) -> None:
        """Enter the transaction that will count this attempt, one attempt of an account after the other, and look
        again: guesses made at the same time learn no more than guesses made one by one. Raises `RateLimited`.

        What is long past is forgotten here, everybody's.
        """
        write = self._unit.write()
        dialect: Any = {"sqlite": sqlite, "postgresql": postgresql}[write.dialect.name]
        now = self._now()
        rows = [{"key": key, "failures": 0, "last_at": now, "wait_until": now} for key in self._sorted_keys()]
        statement = dialect.insert(login_failures)
        same = {"failures": login_failures.c.failures}  # changes nothing, locks the row
        write.execute(delete(login_failures).where(login_failures.c.key.in_(_past(now))))
        write.execute(statement.on_conflict_do_update(index_elements=["key"], set_=same), rows)
        self._refuse(self._rows(write))

    def failed(self) -> None:
        """Count a failure (after `begin_outcome`)."""
        now, write = self._now(), self._unit.write()
        known = self._rows(write)
        changes = [
            {"row": one.key, "count": count, "wait": now + wait_after(count, one.free)}
            for one in self._counters
            for count in [known[one.key].failures + 1]
        ]
        write.execute(_COUNT.values(last_at=now), changes)

    def succeeded(self) -> None:
        """Forget the failures of this account here, and the account's count."""
        self._unit.write().execute(delete(login_failures).where(login_failures.c.key.in_(self._sorted_keys())))

    def _sorted_keys(self) -> list[str]:
        return sorted(one.key for one in self._counters)  # one order for all, so that two never wait for each other

    def _rows(self, connection: Any) -> dict[str, Any]:
        query = select(login_failures).where(login_failures.c.key.in_(self._sorted_keys()))
        return {row.key: row for row in connection.execute(query)}

    def _refuse(self, rows: dict[str, Any]) -> None:
        now = self._now()
        left: timedelta = max((row.wait_until - now for row in rows.values()), default=timedelta())
        if left > timedelta():
            raise RateLimited("too many failed logins: wait before the next one", retry_after=left.total_seconds())


def _past(now: datetime) -> Select[Any]:
    """What is long past and is not being counted at this moment: nobody waits for anybody's old failures."""
    old = select(login_failures.c.key).where(login_failures.c.last_at < now - MEMORY)
    return old.with_for_update(skip_locked=True)


_COUNT = (
    update(login_failures)
    .where(login_failures.c.key == bindparam("row"))
    .values(failures=bindparam("count"), wait_until=bindparam("wait"))
)


def wait_after(failures: int, free: int) -> timedelta:
    """How long the next attempt has to wait after so many failures, of which `free` cost nothing."""
    if failures < free:
        return timedelta()
    doublings = min(failures - free, 20)  # far past the longest wait, and no number grows without end
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def _key(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()
