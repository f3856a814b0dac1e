"""The tables that every context's database has: what came in, what goes out, what a key was answered."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint, text

from shared.store.columns import Count, Moment


def message_tables(metadata: MetaData) -> tuple[Table, Table, Table]:
    """Add (inbox, outbox, answers) to a context's metadata."""
    inbox = Table(
        "inbox",
        metadata,
        Column("function", String(100), primary_key=True),
        Column("tenant", String(100), primary_key=True),
        Column("source", String(1000), primary_key=True),
        Column("id", String(1000), primary_key=True),
        Column("handled_at", Moment, nullable=False),
    )
    outbox = Table(
        "outbox",
        metadata,
        Column("seq", Count, primary_key=True, autoincrement=True),
        Column("id", String(100), nullable=False),
        Column("tenant", String(100), nullable=False),
        Column("subject", String(1000), nullable=False),
        Column("type", String(200), nullable=False),
        Column("actor", String(200), nullable=False),
        Column("time", Moment, nullable=False),
        Column("to_queue", Boolean, nullable=False),
        Column("destination", String(100), nullable=False),
        Column("key", String(1000), nullable=False),
        Column("priority", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("sent_at", Moment),
        UniqueConstraint("id", name="uq_outbox_id"),
    )
    Index(
        "ix_outbox_unsent", outbox.c.seq, sqlite_where=text("sent_at IS NULL"), postgresql_where=text("sent_at IS NULL")
    )
    Index("ix_outbox_subject", outbox.c.tenant, outbox.c.subject, outbox.c.seq)
    answers = Table(
        "answers",
        metadata,
        Column("function", String(100), primary_key=True),
        Column("tenant", String(100), primary_key=True),
        Column("user_id", String(200), primary_key=True),
        Column("key", String(200), primary_key=True),
        Column("body_hash", String(64), nullable=False),
        Column("status", Integer, nullable=False),
        Column("headers", String(4000), nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("answered_at", Moment, nullable=False),
    )
    return inbox, outbox, answers
