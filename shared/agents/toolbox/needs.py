"""What the tools ask of a tenant's past. `shared.coordination.history.History` answers it; a test may bring less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from shared.tools.fraud_history import History


class SeenTask(Protocol):
    """A task that had a key."""

    @property
    def task_id(self) -> str: ...


class Past(Protocol):
    """The past of one tenant."""

    def order_history(self, order: Mapping[str, Any]) -> History:
        """What fraud screening needs to know of the time before this order."""
        ...

    def tasks_of(self, kind: str, value: str) -> Sequence[SeenTask]:
        """The tasks whose data had this key (`psp_reference`), newest first."""
        ...

    def data_of(self, task_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The data of these tasks."""
        ...

    def messages_said(self, order_id: str) -> Sequence[Mapping[str, Any]]:
        """The messages about an order, the oldest first: {id, kind, fingerprint, status ready|sent}."""
        ...
