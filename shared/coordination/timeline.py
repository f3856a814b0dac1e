"""A task's timeline: the facts about it in the order in which they were committed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from events.envelope import decode
from shared.coordination.pages import Page
from shared.errors import Invalid
from shared.objects.claim import fetch_data
from shared.store.database import Unit
from shared.store.orchestration import outbox


def timeline(unit: Unit, tenant: str, task_id: str, cursor: str, limit: int) -> Page[dict[str, Any]]:
    """`{id, type, time, actor, data}` of each fact about a task, oldest first. Raises `Invalid` for a bad cursor."""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid.field("cursor", "must be the next_cursor of an earlier page")
    query = select(outbox).where(outbox.c.tenant == tenant, outbox.c.subject == task_id, outbox.c.to_queue.is_(False))
    query = query.where(outbox.c.seq > int(cursor or 0)).order_by(outbox.c.seq).limit(limit + 1)
    rows = list(unit.read().execute(query))
    page = Page.of(rows, limit, lambda row: str(row.seq))
    return Page([_item(row) for row in page.items], page.next_cursor)


def _item(row: Any) -> dict[str, Any]:
    data = decode(fetch_data(row.body)).event.model_dump(mode="json")
    return {"id": row.id, "type": row.type.split(".")[2], "time": row.time, "actor": row.actor, "data": data}
