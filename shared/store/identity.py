"""The tables of the identity context: tenants, users, memberships, sessions, refresh tokens, failed logins."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table

from shared.store.columns import Moment
from shared.store.messages import message_tables

metadata = MetaData()
inbox, outbox, answers = message_tables(metadata)

tenants = Table(
    "tenants",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
)

#: `email` is written in its one form (`shared.auth.users.one_form`); a disabled user signs in and refreshes no more.
users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("email", String(320), nullable=False),
    Column("name", String(200), nullable=False),
    Column("password_hash", String(300), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
)
Index("uq_users_email", users.c.email, unique=True)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", String(64), ForeignKey("users.id"), primary_key=True),
    Column("tenant", String(100), ForeignKey("tenants.id"), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("joined_at", Moment, nullable=False),
)
Index("ix_memberships_tenant", memberships.c.tenant)

#: A session is one sign-in on one device, and the family of the refresh tokens that came from it.
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id"), nullable=False),
    Column("tenant", String(100), ForeignKey("tenants.id"), nullable=False),
    Column("address", String(100), nullable=False),
    Column("device", String(300), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("ended_why", String(60), nullable=False),
)
Index("ix_sessions_user", sessions.c.user_id, sessions.c.expires_at)

#: `hash` is the SHA-256 of the token; the token itself is nowhere. `used_at` is when it was exchanged.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("session_id", String(64), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)
Index("ix_refresh_tokens_session", refresh_tokens.c.session_id, refresh_tokens.c.expires_at)

#: `key` is a hash of what is counted (an account, an account at an address): no address list, no typed passwords.
login_failures = Table(
    "login_failures",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("wait_until", Moment, nullable=False),
)
Index("ix_login_failures_last", login_failures.c.last_at)
