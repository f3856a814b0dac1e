"""What travels: a frozen, typed thing that happened (a fact) or is to be done (work)."""

from __future__ import annotations

import re
from typing import ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from events.fields import Line


class Destination(NamedTuple):
    """Where an event goes: `kind` is "topic" (a fact, many readers) or "queue" (work, one doer)."""

    kind: str
    name: str


class Event(BaseModel):
    """Base of every event. Subclasses are facts (`TOPIC`) or work (`QUEUE`) and carry a `VERSION` each.

    The wire name is derived once: `bizosaas.<context>.<Class>.v<VERSION>`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    VERSION: ClassVar[int] = 1
    TOPIC: ClassVar[str] = ""
    QUEUE: ClassVar[str] = ""

    @classmethod
    def wire_type(cls) -> str:
        """The CloudEvents `type`: context (the module's name), class and version."""
        context = cls.__module__.rpartition(".")[2]
        return f"bizosaas.{context}.{cls.__name__}.v{cls.VERSION}"

    def destination(self) -> Destination:
        """The topic or queue that this event is sent to."""
        return Destination("queue", self.QUEUE) if self.QUEUE else Destination("topic", self.TOPIC)

    def about(self) -> str:
        """The CloudEvents `subject`: the id of the thing that the event is about, or ""."""
        for field in ("task_id", f"{_snake(type(self).__name__).split('_')[0]}_id"):
            value = getattr(self, field, None)
            if value:
                return str(value)
        return ""

    def aggregate(self) -> str:
        """What such events are told in order by: in a domain all about one order, else about one thing; or ""."""
        order = getattr(self, "order_id", None) if self.TOPIC.startswith("domain.") else None
        return str(order) if order else self.about()


class DomainEvent(Event):
    """What happened in a context that may be a backend's. `masked` says what the front door masked in it that nobody
    may keep, like "card in order.note"."""

    masked: tuple[Line, ...] = ()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
