"""What a function is given for one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from events.envelope import Envelope
from events.event import Event
from shared.contract import Caller, Context, FunctionSpec
from shared.runtime.clock import utc_now
from shared.settings import Settings, settings
from shared.store.database import Unit

if TYPE_CHECKING:
    from shared.agents.engine import Engine
    from shared.auth.users import Users
    from shared.bus.port import Bus
    from shared.coordination.approvals import Approvals
    from shared.coordination.history import History
    from shared.coordination.record import Record
    from shared.coordination.tasks import Tasks
    from shared.coordination.tenants import Tenants
    from shared.live.entries import Entry


class Services:
    """One call's services. All state goes through one `unit`, so that the runtime can commit it at once."""

    def __init__(
        self,
        spec: FunctionSpec,
        context: Context,
        unit: Unit,
        *,
        now: Callable[[], datetime] = utc_now,
        request_address: str = "",
        request_device: str = "",
        request_headers: Mapping[str, str] | None = None,
        request_body: bytes = b"",
    ) -> None:
        """`unit` is the database that the function may change; `now` is the clock. The `request_` values are an
        HTTP call's: the caller's address and user agent, its headers (lower-case names) and its raw body."""
        self.spec = spec
        self.context = context
        self.unit = unit
        self.now = now
        self.request_address = request_address
        self.request_device = request_device
        self.request_headers = request_headers or {}
        self.request_body = request_body
        self.emitted: list[Event] = []
        self.forwarded: list[Envelope] = []
        self.keeps_changes = False

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return settings()

    def emit(self, *events: Event) -> None:
        """Say what happened: sent after the commit (HTTP functions; event functions return their events)."""
        self.emitted.extend(events)

    def forward(self, *envelopes: Envelope) -> None:
        """Pass on facts that came from outside as they are, after the commit."""
        self.forwarded.extend(envelopes)

    def speak_for(self, caller: Caller) -> None:
        """Go on in the name of somebody whose verified token came inside the request of a service."""
        self.context = replace(self.context, tenant=caller.tenant, actor=caller.user_id)

    def show(self, entry: Entry) -> None:
        """Show something of the tenant on the live view, at once and once for this call, whatever becomes of the
        rest; where Redis is gone it is not shown."""
        from shared.live.streams import Shown, show_now

        show_now(self.settings.cache_url, Shown(self.context.tenant, self.context.id, self.now(), entry))

    def keep_changes(self) -> None:
        """Commit even though the answer will be an error (a failed login is counted and recorded)."""
        self.keeps_changes = True

    # The repositories are imported when first used: a function pays for what it touches.

    @cached_property
    def tasks(self) -> Tasks:
        """The tasks of the context's tenant."""
        from shared.coordination.tasks import Tasks

        return Tasks(self.unit, self.context.tenant, self.now)

    @cached_property
    def approvals(self) -> Approvals:
        """The requests that wait, or waited, for a human."""
        from shared.coordination.approvals import Approvals

        return Approvals(self.unit, self.context.tenant, self.now)

    @cached_property
    def history(self) -> History:
        """What the tenant's own tasks say of a customer, a card, an address."""
        from shared.coordination.history import History

        return History(self.unit, self.context.tenant, self.now)

    @cached_property
    def tenants(self) -> Tenants:
        """The tenants' settings and policies."""
        from shared.coordination.tenants import Tenants

        return Tenants(self.unit, self.now)

    @cached_property
    def record(self) -> Record:
        """The audit record."""
        from shared.coordination.record import Record

        return Record(self.unit)

    @cached_property
    def users(self) -> Users:
        """Users, tenants, sessions (identity functions only)."""
        from shared.auth.users import Users

        return Users(self.unit, self.now)

    @cached_property
    def bus(self) -> Bus:
        """The bus, for those that look at its queues and dead letters. What a function says goes out by `emit`."""
        from shared.runtime.buses import bus

        return bus()

    @cached_property
    def engine(self) -> Engine:
        """What does an agent role's work: CrewAI with a model, or the playbook."""
        from shared.agents.engine import Engine

        return Engine(self.settings)
