"""Tenants' settings: one document each, with the policy inside; what is not set is the operator's default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from shared.store.database import Unit
from shared.store.orchestration import tenant_settings as table

if TYPE_CHECKING:
    from shared.escalation.policy import Policy


#: Tenants whose document a process keeps; the version is asked for in each call.
MOST_KEPT = 1000
_VERSION = select(table.c.version, table.c.changed_at).where(table.c.tenant == bindparam("of"))
_DOCUMENT = select(table.c.document).where(table.c.tenant == bindparam("of"))


@dataclass
class _Kept:
    version: object
    document: Mapping[str, Any]
    policy: Policy | None = None
    base: Policy | None = None


_known: WeakKeyDictionary[Engine, dict[str, _Kept]] = WeakKeyDictionary()


@dataclass
class Tenants:
    """The settings of all tenants; asked for one at a time."""

    unit: Unit
    now: Callable[[], datetime]
    _read: dict[str, _Kept] = field(default_factory=dict, repr=False)

    def settings(self, tenant: str) -> Mapping[str, Any]:
        """A tenant's document: `{policy, currency, fx_rates, warehouses, products, ...}`; {} when none is set. Read
        once in a call."""
        return self._of(tenant).document

    def policy(self, tenant: str) -> Policy:
        """A tenant's escalation policy; read once in a call."""
        from shared.escalation.policy import operator_policy, stored_policy

        kept, base = self._of(tenant), operator_policy()
        if kept.policy is None or kept.base != base:
            kept.policy, kept.base = stored_policy(kept.document.get("policy"), base), base
        return kept.policy

    def _of(self, tenant: str) -> _Kept:
        if tenant not in self._read:
            self._read[tenant] = _kept(self.unit.read(), tenant)
        return self._read[tenant]

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
        self._read.pop(tenant, None)


def _kept(reader: Connection, tenant: str) -> _Kept:
    """The document as the process has it, read and parsed anew when the database has another version."""
    row = reader.execute(_VERSION, {"of": tenant}).first()
    known = _known.setdefault(reader.engine, {})
    kept = known.get(tenant)
    if kept is None or kept.version != row:
        found = reader.execute(_DOCUMENT, {"of": tenant}).first() if row else None
        # Where the document is newer than the version that was read, it is read again the next time.
        kept = _Kept(row, found.document if found else {})
        if len(known) >= MOST_KEPT:
            known.clear()
        known[tenant] = kept
    return kept
