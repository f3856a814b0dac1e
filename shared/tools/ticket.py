"""A support ticket and what its tenant knows of earlier ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.errors import Invalid
from shared.tools.known_ticket import OpenTicket
from shared.tools.reading import Fields

# The confirmed tickets that say how often the category was right.
JUDGED = 200


@dataclass(frozen=True)
class Ticket:
    """A ticket as it came in: `message` is raw; `received_at` is in UTC."""

    message: str
    received_at: dt.datetime
    id: str = ""
    subject: str = ""
    customer_id: str | None = None
    vip_customer: bool = False
    order_id: str | None = None
    attachments: int = 0

    @classmethod
    def read(cls, data: Mapping[str, object], now: dt.datetime) -> Ticket:
        """From a task's data; a ticket without `received_at` came in now.

        Raises Invalid naming the field: `message` must be text (empty only beside an attachment or a subject).
        """
        fields = Fields.of(data)
        message = data.get("message")
        if not isinstance(message, str):
            raise Invalid.field("message", "must be text")
        ticket = cls(
            message=message,
            received_at=fields.maybe_moment("received_at") or now,
            id=fields.maybe_text("id") or "",
            subject=fields.maybe_text("subject") or "",
            customer_id=fields.maybe_text("customer_id"),
            vip_customer=fields.maybe_flag("vip_customer") or False,
            order_id=fields.maybe_text("order_id"),
            attachments=len(fields.objects("attachments")),
        )
        if not (message.strip() or ticket.subject or ticket.attachments):
            raise Invalid.field("message", "must not be empty without a subject or an attachment")
        return ticket


@dataclass(frozen=True)
class Confirmed:
    """A ticket whose category a human confirmed; `predicted` is what it was first taken for, if that was kept."""

    text: str
    category: str
    predicted: str | None = None


@dataclass(frozen=True)
class TicketHistory:
    """What the tenant knows: tickets with confirmed categories (oldest first), open tickets of the customer and of the
    last 24 hours, how many tickets of each category usually come in this hour of the week, the customer's orders."""

    confirmed: Sequence[Confirmed] = ()
    open: Sequence[OpenTicket] = ()
    hourly_rate: Mapping[str, float] = field(default_factory=dict)
    orders: Sequence[str] = ()

    def right(self) -> tuple[int, int]:
        """(right, judged) among the last 200 confirmed tickets that kept what they were taken for."""
        judged = [one for one in self.confirmed if one.predicted is not None][-JUDGED:]
        return sum(one.predicted == one.category for one in judged), len(judged)
