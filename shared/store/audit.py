"""The tables of the audit context: the record, one chain of hashes a tenant."""

from __future__ import annotations

from sqlalchemy import Column, Index, MetaData, String, Table, Text

from shared.store.columns import Count, Moment
from shared.store.messages import message_tables

metadata = MetaData()
inbox, outbox, answers = message_tables(metadata)

#: `position` counts from 1 in each tenant; `hash` covers the row and `previous`, the hash of the row before.
record = Table(
    "record",
    metadata,
    Column("tenant", String(100), primary_key=True),
    Column("position", Count, primary_key=True),
    Column("source", String(1000), nullable=False),
    Column("event_id", String(1000), nullable=False),
    Column("type", String(200), nullable=False),
    Column("time", Moment, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("correlation", String(1000), nullable=False),
    Column("causation", String(1000), nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
Index("uq_record_event", record.c.tenant, record.c.source, record.c.event_id, unique=True)
Index("ix_record_task", record.c.tenant, record.c.task_id, record.c.position)

#: The newest row of each tenant: a chain that was cut at its end no longer reaches it.
heads = Table(
    "heads",
    metadata,
    Column("tenant", String(100), primary_key=True),
    Column("position", Count, nullable=False),
    Column("hash", String(64), nullable=False),
)
