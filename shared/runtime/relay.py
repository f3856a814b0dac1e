"""What is committed and not sent (a crash came between, or a broker did not take it) is sent by the relay."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import select

from shared.bus.port import Publisher
from shared.errors import TryAgain
from shared.runtime.clock import utc_now
from shared.runtime.outbox import Outgoing, mark, publish, table
from shared.store.database import Unit, database_errors

log = logging.getLogger("runtime")

#: For how long one look goes on past what takes nothing.
_LOOK_SECONDS = 2.0


def relay(context: str, publisher: Publisher, *, older_than: timedelta = timedelta(seconds=5), limit: int = 500) -> int:
    """Send what a crash left between commit and publish, or a broker did not take; returns how many. Rows younger than
    `older_than` are left to the process that just wrote them. Of several relays each takes other rows, where the
    engine can tell them apart; a relay that dies gives its rows back.

    `limit` rows are sent at once. Where a queue or a topic takes nothing, those for others behind them are sent, too.
    """
    until, over = utc_now() - older_than, monotonic() + _LOOK_SECONDS
    refusing: set[str] = set()
    count = 0
    while True:
        try:
            sent, left = _relay_some(context, publisher, until, limit, refusing)
        except TryAgain as error:
            log.warning("what is unsent in %s cannot be looked after now: %s", context, error.detail)
            return count
        count += sent
        refusing |= {row.destination for row in left}
        if not left or sent + len(left) < limit or monotonic() > over:
            return count


def _relay_some(
    context: str, publisher: Publisher, until: datetime, limit: int, refusing: Collection[str]
) -> tuple[int, list[Outgoing]]:
    """(how many were sent, those that are left)."""
    unit = Unit(context)
    try:
        with database_errors():
            rows = _claim(unit, until, limit, refusing)
            sent, left = publish(rows, publisher) if rows else ([], [])
            if sent:
                mark(unit, sent)
        return len(sent), left
    finally:
        unit.close()


def _claim(unit: Unit, until: datetime, limit: int, refusing: Collection[str]) -> list[Outgoing]:
    """Rows to send, but those to `refusing`. With many writers they stay ours to the end of the transaction; SQLite's
    one writer must not be kept waiting while a bus answers, so there they are only read."""
    outbox = table(unit.context, "outbox")
    columns = [outbox.c[name] for name in Outgoing._fields]
    query = select(*columns).where(outbox.c.sent_at.is_(None), outbox.c.time <= until).order_by(outbox.c.seq)
    if refusing:
        query = query.where(outbox.c.destination.not_in(sorted(refusing)))
    connection = unit.write(relaxed=True) if unit.many_writers else unit.read()
    rows = [Outgoing(*row) for row in connection.execute(query.limit(limit).with_for_update(skip_locked=True))]
    unit.rest()
    return rows
