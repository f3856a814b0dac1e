"""How long the runtime's own rows are kept: long enough that no copy of a message is still on its way."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from shared.runtime.clock import utc_now
from shared.runtime.outbox import table
from shared.store.database import Unit, database_errors

#: The longest time to live of a queue is 7 days, of a topic's fact 30; a task's timeline is read from the outbox.
INBOX = timedelta(days=45)
OUTBOX = timedelta(days=400)
ANSWERS = timedelta(days=2)


def forget(context: str) -> None:
    """Delete what is older than its time in one context's database; what was never sent stays."""
    now = utc_now()
    inbox, outbox, answers = (table(context, name) for name in ("inbox", "outbox", "answers"))
    unit = Unit(context)
    try:
        with database_errors():
            unit.alone("retention").execute(delete(inbox).where(inbox.c.handled_at < now - INBOX))
            unit.write().execute(delete(answers).where(answers.c.answered_at < now - ANSWERS))
            old = outbox.c.sent_at.is_not(None) & (outbox.c.time < now - OUTBOX)
            unit.write().execute(delete(outbox).where(old))
            unit.commit()
    finally:
        unit.close()
