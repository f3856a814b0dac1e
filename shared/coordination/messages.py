"""What is said to customers, kept: the same thing once, and of what waits only what is still true.

A message waits as `ready`. Whoever delivers it (a mail or SMS connector) reads those whose `send_at` has come and
makes them `sent`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select

from shared.coordination.tasks import Task
from shared.errors import Invalid
from shared.ids import derive_id
from shared.store.database import Unit
from shared.store.orchestration import messages as table
from shared.tools.reading import Fields
from shared.tools.sensitive import mask_sensitive

READY, SENT = "ready", "sent"
#: The columns that a proposal fills with text, and how long each may be; 0 for any length.
TEXTS = {"about": 200, "kind": 40, "fingerprint": 64, "channel": 20, "recipient": 320, "body": 0}

_MINE = and_(table.c.tenant == bindparam("of"), table.c.about == bindparam("told"))
_SAID = (
    select(table.c.id, table.c.kind, table.c.fingerprint, table.c.status)
    .where(_MINE)
    .order_by(table.c.created_at, table.c.id)
)
_KNOWN = select(table.c.id).where(_MINE, table.c.fingerprint == bindparam("print"))
_OVERTAKEN = delete(table).where(
    _MINE,
    table.c.status == READY,
    or_(table.c.kind == bindparam("same"), table.c.id.in_(bindparam("replaced", expanding=True))),
)
_ADD = insert(table)


@dataclass
class Messages:
    """The messages of one tenant."""

    unit: Unit
    tenant: str
    now: Callable[[], datetime]

    def said(self, about: str) -> list[dict[str, Any]]:
        """What was said, or waits to be, about an order or a ticket, the oldest first: {id, kind, fingerprint,
        status}."""
        rows = self.unit.read().execute(_SAID, {"of": self.tenant, "told": about})
        return [dict(row._mapping) for row in rows]

    def keep(self, task: Task, detail: Mapping[str, Any], path: str = "detail") -> bool:
        """Keep a message to be sent; False when this very one (`about`, `fingerprint`) is there already.

        `detail`: about, kind, fingerprint, channel, recipient, subject, body, send_at (ISO 8601 with its offset),
        and `replaces`, ids of waiting messages. Those, and waiting ones of the same kind about the same thing, are
        overtaken by this one: they were never said, and go. Raises `Invalid` naming a field below `path`.
        """
        values = _read(Fields.of(detail, path))
        # Of two that keep a message about the same thing, the second sees the first's.
        connection = self.unit.alone("messages", self.tenant, values["about"])
        mine = {"of": self.tenant, "told": values["about"]}
        if connection.execute(_KNOWN, mine | {"print": values["fingerprint"]}).first():
            return False
        connection.execute(_OVERTAKEN, mine | {"same": values["kind"], "replaced": _replaces(detail)})
        values["id"] = derive_id("message", self.tenant, values["about"], values["fingerprint"])
        values |= {"tenant": self.tenant, "task_id": task.id, "status": READY, "created_at": self.now()}
        connection.execute(_ADD, values)
        return True


def _read(fields: Fields) -> dict[str, Any]:
    values: dict[str, Any] = {name: fields.text(name) for name in TEXTS}
    for name, longest in TEXTS.items():
        if longest and len(values[name]) > longest:
            raise Invalid.field(fields.at(name), f"must have at most {longest} characters")
    # An SMS has no subject. A reviewer may have changed the words, so they are masked where they are kept.
    words = mask_sensitive({"subject": fields.maybe_text("subject") or "", "body": values["body"]})
    return {**values, **words.clean, "send_at": fields.moment("send_at")}


def _replaces(detail: Mapping[str, Any]) -> list[str]:
    named = detail.get("replaces") or ()
    return [one for one in named if isinstance(one, str)] if isinstance(named, list | tuple) else []
