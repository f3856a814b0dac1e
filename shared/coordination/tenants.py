"""Tenants' settings: one document each, with the policy inside; what is not set is the operator's default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from shared.store.database import Unit
from shared.store.orchestration import tenant_settings as table

if TYPE_CHECKING:
    from shared.escalation.policy import Policy


@dataclass
class Tenants:
    """The settings of all tenants; asked for one at a time."""

    unit: Unit
    now: Callable[[], datetime]
    _settings: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    _policies: dict[str, Policy] = field(default_factory=dict, repr=False)

    def settings(self, tenant: str) -> Mapping[str, Any]:
        """A tenant's document: `{policy, currency, fx_rates, warehouses, products, ...}`; {} when none is set. Read
        once in a call."""
        if tenant not in self._settings:
            row = self.unit.read().execute(select(table.c.document).where(table.c.tenant == tenant)).first()
            self._settings[tenant] = row.document if row else {}
        return self._settings[tenant]

    def policy(self, tenant: str) -> Policy:
        """A tenant's escalation policy; read once in a call."""
        from shared.escalation.policy import operator_policy, stored_policy

        if tenant not in self._policies:
            self._policies[tenant] = stored_policy(self.settings(tenant).get("policy"), operator_policy())
        return self._policies[tenant]

    def save(self, tenant: str, document: Mapping[str, Any], changed_by: str) -> None:
        """Set a tenant's document. Raises `Invalid` when its policy loosens a default, or its time zone is none."""
        from shared.escalation.policy import operator_policy, policy_from
        from shared.tools.measures import zone
        from shared.tools.reading import Fields

        policy_from(document.get("policy"), operator_policy())
        if document.get("time_zone") is not None:
            zone(Fields.of(document))
        connection = self.unit.write()
        values = {"document": dict(document), "changed_at": self.now(), "changed_by": changed_by}
        found = connection.execute(
            update(table).where(table.c.tenant == tenant).values(**values, version=table.c.version + 1)
        )
        if found.rowcount == 0:
            connection.execute(insert(table).values(tenant=tenant, version=1, **values))
        self._settings.pop(tenant, None)
        self._policies.pop(tenant, None)
