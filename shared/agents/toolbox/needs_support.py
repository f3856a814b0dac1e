"""What the tools of support ask of a tenant's past. `shared.coordination.history.History` answers it; a test may bring
less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from shared.tools.known_ticket import OpenTicket
    from shared.tools.ticket import Confirmed


class PastTask(Protocol):
    """An earlier task."""

    @property
    def status(self) -> str: ...

    @property
    def data(self) -> Mapping[str, Any]: ...

    def result_of(self, role: str) -> Mapping[str, Any] | None:
        """The entry {role, outcome, output, ...} of a role that worked on it, None where it did not."""
        ...


class PastTickets(Protocol):
    """The support tickets of one tenant."""

    def earlier(self, task_id: str, data: Mapping[str, Any], now: datetime) -> Sequence[OpenTicket]:
        """Open tickets of the customer whom `data` names, and all of the last 24 hours, before this one."""
        ...

    def hourly_rate(self, at: datetime) -> Mapping[str, float] | None:
        """How many tickets of each category usually come in this hour of the week; None when too little is known."""
        ...

    def confirmed(self) -> Sequence[Confirmed]:
        """Tickets whose category a person confirmed, oldest first."""
        ...

    def orders_of(self, data: Mapping[str, Any]) -> Sequence[str]:
        """The ids of the customer's orders, newest first."""
        ...


class Past(Protocol):
    """The past of one tenant."""

    @property
    def tickets(self) -> PastTickets: ...

    def last_task(self, kind: str, value: str, task_type: str = "") -> PastTask | None:
        """The newest task of a type whose data had this key (`order_id`)."""
        ...
