"""The audit record: append-only, one chain of hashes a tenant (each row's hash covers the hash of the row before)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Row, bindparam, func, insert, select, type_coerce, update

from events.jsontext import canonical, loads
from shared.store.audit import heads
from shared.store.audit import record as table
from shared.store.columns import moment_of
from shared.store.database import Unit

#: What the first row of a chain has for the hash before it.
START = "0" * 64
_CHECKED_AT_ONCE = 5000
_COVERED = tuple(column.name for column in table.columns if column.name != "hash")
_HEAD = select(heads.c.position, heads.c.hash).where(heads.c.tenant == bindparam("tenant"))
_BEGIN = insert(heads)
_ADVANCE = update(heads).where(heads.c.tenant == bindparam("of"))
_KNOWN = select(table.c.event_id).where(
    table.c.tenant == bindparam("tenant"),
    table.c.source == bindparam("source"),
    table.c.event_id.in_(bindparam("ids", expanding=True)),
)
_ADD = insert(table)


class Head(NamedTuple):
    """The newest row of a chain."""

    position: int
    hash: str


class Checked(NamedTuple):
    """A part of a chain that was checked: up to which position, what is wrong in words, and whether more follows."""

    upto: int
    faults: list[str]
    more: bool


@dataclass(frozen=True)
class Entry:
    """One fact, as it stands in the record; `data` is the fact's canonical JSON text."""

    tenant: str
    source: str
    event_id: str
    type: str
    time: datetime
    actor: str
    task_id: str
    correlation: str
    causation: str
    data: str


@dataclass
class Record:
    """The chains of all tenants."""

    unit: Unit

    def add(self, entry: Entry) -> None:
        """Append a fact to its tenant's chain at the transaction's end, unless it stands there already."""
        self.unit.gather(entry, _append)

    def _head(self, tenant: str) -> Head:
        return _head(self.unit.read(), tenant)

    def of_task(self, tenant: str, task_id: str, after: int, limit: int) -> list[Row[Any]]:
        """The rows of one task in order, behind position `after`."""
        query = select(table).where(table.c.tenant == tenant, table.c.task_id == task_id, table.c.position > after)
        return list(self.unit.read().execute(query.order_by(table.c.position).limit(limit)))

    def newest(self, tenant: str, before: int, limit: int) -> list[Row[Any]]:
        """The rows of a tenant, newest first, before position `before` (0 for no bound)."""
        query = select(table).where(table.c.tenant == tenant)
        if before:
            query = query.where(table.c.position < before)
        return list(self.unit.read().execute(query.order_by(table.c.position.desc()).limit(limit)))

    def after(self, tenant: str, after: int, limit: int) -> list[Row[Any]]:
        """The rows of a tenant in order, behind position `after`."""
        query = select(table).where(table.c.tenant == tenant, table.c.position > after)
        return list(self.unit.read().execute(query.order_by(table.c.position).limit(limit)))

    def tenants(self) -> list[str]:
        """The tenants that have a chain or a head."""
        reader = self.unit.read()
        names = {row.tenant for row in reader.execute(select(table.c.tenant).distinct())}
        return sorted(names | {row.tenant for row in reader.execute(select(heads.c.tenant))})

    def length(self, tenant: str) -> int:
        """How many facts a tenant's chain has."""
        query = select(func.count()).select_from(table).where(table.c.tenant == tenant)
        return int(self.unit.read().execute(query).scalar_one())

    def faults(self, tenant: str) -> Iterator[str]:
        """What is wrong with a tenant's chain, in words; nothing for a sound one."""
        checked = self.check(tenant, None, _CHECKED_AT_ONCE)
        yield from checked.faults
        while checked.more:
            checked = self.check(tenant, checked.upto, _CHECKED_AT_ONCE)
            yield from checked.faults

    def check(self, tenant: str, behind: int | None, limit: int) -> Checked:
        """Check up to `limit` rows behind a position in the chain (None: from its beginning).

        Finds a row that was changed, taken out, put in, or moved, and a chain that was cut at its end. What was put
        in place of a value may be anything: a time is read as the database has it, not as a moment. Facts that are
        added meanwhile are no fault: they are what follows.
        """
        last = Head(0, START) if behind is None else Head(behind, self._hash_at(tenant, behind))
        faults: list[str] = []
        for row in self._rows(tenant, behind, limit):
            faults += _row_faults(tenant, row, last)
            last = Head(row.position, row.hash)
        head = self._head(tenant)
        if self._goes_on(tenant, last):  # looked at after the head: what came between the two is no fault
            return Checked(last.position, faults, True)
        if head != last:
            faults.append(f"{tenant}: the chain ends at row {last.position}, not where its head says")
        return Checked(last.position, faults, False)

    def _hash_at(self, tenant: str, position: int) -> str:
        query = select(table.c.hash).where(table.c.tenant == tenant, table.c.position == position)
        return self.unit.read().execute(query).scalar() or ""

    def _rows(self, tenant: str, behind: int | None, limit: int) -> list[Row[Any]]:
        columns = [type_coerce(one, BigInteger).label(one.name) if one.name == "time" else one for one in table.columns]
        query = select(*columns).where(table.c.tenant == tenant)
        if behind is not None:
            query = query.where(table.c.position > behind)
        return list(self.unit.read().execute(query.order_by(table.c.position).limit(limit)))

    def _goes_on(self, tenant: str, last: Head) -> bool:
        query = select(table.c.position).where(table.c.tenant == tenant, table.c.position > last.position).limit(1)
        return self.unit.read().execute(query).first() is not None


def _append(unit: Unit, entries: list[Entry]) -> None:
    """Facts of any tenants to the ends of their chains, in order."""
    of_tenant: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        of_tenant[entry.tenant].append(entry)
    for tenant in sorted(of_tenant):  # as all batches do: two that lock several chains never wait for each other
        connection = unit.alone("chain", tenant)
        fresh = _unknown(connection, tenant, of_tenant[tenant])
        old = _head(connection, tenant)
        if rows := _chained(old, fresh):
            connection.execute(_ADD, rows)
            new = {"tenant": tenant, "position": rows[-1]["position"], "hash": rows[-1]["hash"]}
            if old.position:
                connection.execute(_ADVANCE, {"of": tenant, **new})
            else:
                connection.execute(_BEGIN, new)


def _unknown(connection: Connection, tenant: str, entries: list[Entry]) -> list[Entry]:
    """Each fact once, those left out that stand in the chain already."""
    fresh = {(entry.source, entry.event_id): entry for entry in reversed(entries)}
    ids_of: dict[str, list[str]] = defaultdict(list)
    for source, event_id in fresh:
        ids_of[source].append(event_id)
    for source, ids in ids_of.items():
        for event_id in connection.execute(_KNOWN, {"tenant": tenant, "source": source, "ids": ids}).scalars():
            del fresh[source, event_id]
    return list(reversed(fresh.values()))


def _chained(head: Head, entries: list[Entry]) -> list[dict[str, Any]]:
    """The rows of facts that follow a head."""
    rows = []
    for entry in entries:
        row = {**entry.__dict__, "position": head.position + 1, "previous": head.hash}
        row["hash"] = digest(row)
        head = Head(row["position"], row["hash"])
        rows.append(row)
    return rows


def _head(connection: Connection, tenant: str) -> Head:
    row = connection.execute(_HEAD, {"tenant": tenant}).first()
    return Head(*row) if row else Head(0, START)


def _row_faults(tenant: str, row: Row[Any], before: Head) -> Iterator[str]:
    if row.position != before.position + 1:
        yield f"{tenant}: rows {before.position + 1} to {row.position - 1} are missing"
    elif row.previous != before.hash:
        yield f"{tenant}: row {row.position} does not follow the row before it (changed or reordered)"
    if not _as_written(row):
        yield f"{tenant}: row {row.position} ({row.type}, {row.event_id}) was changed"


def _as_written(row: Row[Any]) -> bool:
    """Whether a row, its time as the database has it, is what its hash covers."""
    try:
        return bool(digest({**row._mapping, "time": moment_of(row.time)}) == row.hash)
    except (TypeError, ValueError, OverflowError):  # no moment, or bytes where a text was
        return False


def digest(row: dict[str, Any]) -> str:
    """The hash of a row: SHA-256 over the canonical JSON of everything in it but the hash."""
    covered = {name: row[name] for name in _COVERED}
    covered["time"] = row["time"].astimezone(UTC).isoformat()
    return hashlib.sha256(canonical(covered).encode()).hexdigest()


def data_of(row: Row[Any]) -> Any:
    """The fact's data, as it was."""
    return loads(row.data)
