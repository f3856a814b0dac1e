"""What the queues room shows of a dead letter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from events.fields import Json
from shared.coordination.dead_letters import Letter


class DeadLetterView(BaseModel):
    """A message that will not be tried again by itself. `origin` is its queue or topic; `group` who skipped a fact;
    `age_seconds` how long it has been dead; `size` its bytes. `event` is asked for; null when it is no JSON."""

    id: str
    origin: str
    message_id: str
    type: str
    tenant: str
    subject: str
    reason: str
    attempts: int
    group: str
    died_at: datetime
    age_seconds: float
    size: int
    event: Json | None = None

    @classmethod
    def of(cls, letter: Letter, now: datetime, *, whole: bool) -> DeadLetterView:
        """The view at a moment; `whole` with the event."""
        dead = letter.dead
        values: dict[str, Any] = {name: letter.attribute(name) for name in ("type", "subject")}
        return cls(
            **values,
            **{name: getattr(dead, name) for name in ("id", "origin", "reason", "attempts", "group")},
            message_id=dead.message.id,
            tenant=letter.tenant,
            died_at=datetime.fromtimestamp(dead.died_at, UTC),
            age_seconds=max(0.0, now.timestamp() - dead.died_at),
            size=len(dead.message.body),
            event=dict(letter.event) if whole and letter.event is not None else None,
        )


class DeadLetterPage(BaseModel):
    """One page of dead letters, newest first. It may be short, or empty, and not be the last."""

    items: list[DeadLetterView]
    next_cursor: str | None
