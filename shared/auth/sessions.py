"""Sessions and their refresh tokens: each token is exchanged once, and one that comes twice ends its session.

A session is one sign-in on one device; its refresh tokens are one family. A token that was exchanged already and is
presented again was copied: nobody can tell the thief from the owner, so the session ends for both (RFC 9700, 4.14.2).
There is no grace for a client that races itself: a grace is a time in which a stolen token works unseen.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from shared.auth.users import User
from shared.runtime.clock import utc_now
from shared.store.database import Unit
from shared.store.identity import memberships, refresh_tokens, sessions, users

#: A session ends 30 days after the sign-in (NIST SP 800-63B, 4.1.3), or when it is not refreshed for 7 days.
SESSION_LIFE = timedelta(days=30)
IDLE_LIFE = timedelta(days=7)


@dataclass(frozen=True)
class Grant:
    """A session as it stands now, with the role that its user has now, and its newest refresh token."""

    session_id: str
    user: User
    tenant: str
    role: str
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class Reused:
    """A refresh token came a second time. `ended` says whether that ended a session that still ran."""

    session_id: str
    user_id: str
    tenant: str
    ended: bool


class Sessions:
    """The repository of sessions over the identity database."""

    def __init__(self, unit: Unit, now: Callable[[], datetime] = utc_now) -> None:
        """`unit` is the identity database's; `now` is the clock."""
        self._unit = unit
        self._now = now

    def open(self, user: User, tenant: str, role: str, *, address: str = "", device: str = "") -> Grant:
        """Begin a session for a user who proved who they are; forgets the user's sessions that are long over."""
        now, session_id, write = self._now(), f"session-{uuid4().hex}", self._unit.write()
        write.execute(delete(sessions).where(sessions.c.user_id == user.id, sessions.c.expires_at <= now))
        row = {
            "id": session_id,
            "user_id": user.id,
            "tenant": tenant,
            "address": address[:100],
            "device": device[:300],
            "created_at": now,
            "seen_at": now,
            "expires_at": now + SESSION_LIFE,
            "ended_why": "",
        }
        write.execute(insert(sessions), [row])
        return Grant(session_id, user, tenant, role, self._new_token(session_id))

    def exchange(self, refresh_token: str) -> Grant | Reused | None:
        """Exchange a refresh token for the next one; exactly one of many at once gets it.

        None for a token that is unknown or expired, or whose session, user or membership is over.
        """
        digest = _digest(refresh_token)
        known = refresh_tokens.c.hash == digest
        if self._unit.read().execute(select(refresh_tokens.c.hash).where(known)).first() is None:
            return None
        write = self._unit.write()
        first = write.execute(
            update(refresh_tokens).where(known, refresh_tokens.c.used_at.is_(None)).values(used_at=self._now())
        )
        if first.rowcount == 0:
            return self._reused(digest)
        row = write.execute(_LIVE.where(known)).first()
        if row is None or min(row.token_expires_at, row.expires_at) <= self._now():
            return None
        old = (refresh_tokens.c.session_id == row.id) & (refresh_tokens.c.expires_at <= self._now())
        write.execute(delete(refresh_tokens).where(old))
        write.execute(update(sessions).where(sessions.c.id == row.id).values(seen_at=self._now()))
        user = User(row.user_id, row.email, row.name)
        return Grant(row.id, user, row.tenant, row.role, self._new_token(row.id))

    def lives(self, session_id: str, user_id: str) -> bool:
        """Whether a session of this user still runs (not ended, not expired, the user not disabled, still a member)."""
        query = _RUNNING.where(sessions.c.id == session_id, sessions.c.user_id == user_id)
        row = self._unit.read().execute(query).first()
        return row is not None and row.expires_at > self._now()

    def end(self, session_id: str, user_id: str, why: str) -> bool:
        """End a session of this user; False when it was over, or is nobody's."""
        mine = (sessions.c.id == session_id) & (sessions.c.user_id == user_id) & sessions.c.ended_at.is_(None)
        statement = update(sessions).where(mine).values(ended_at=self._now(), ended_why=why)
        return self._unit.write().execute(statement).rowcount == 1

    def _reused(self, digest: str) -> Reused | None:
        query = select(sessions.c.id, sessions.c.user_id, sessions.c.tenant).join(refresh_tokens)
        row = self._unit.read().execute(query.where(refresh_tokens.c.hash == digest)).first()
        if row is None:  # the session was forgotten between our two looks
            return None
        return Reused(row.id, row.user_id, row.tenant, self.end(row.id, row.user_id, "refresh token reused"))

    def _new_token(self, session_id: str) -> str:
        token = secrets.token_urlsafe(32)
        now = self._now()
        row = {"hash": _digest(token), "session_id": session_id, "issued_at": now, "expires_at": now + IDLE_LIFE}
        self._unit.write().execute(insert(refresh_tokens), [row])
        return token


def _digest(token: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()


_RUNNING = (
    select(
        sessions.c.id,
        sessions.c.user_id,
        sessions.c.tenant,
        sessions.c.expires_at,
        users.c.email,
        users.c.name,
        memberships.c.role,
    )
    .join(users, users.c.id == sessions.c.user_id)
    .join(
        memberships,
        (memberships.c.user_id == sessions.c.user_id) & (memberships.c.tenant == sessions.c.tenant),
    )
    .where(sessions.c.ended_at.is_(None), users.c.disabled_at.is_(None))
)
_LIVE = _RUNNING.add_columns(refresh_tokens.c.expires_at.label("token_expires_at")).join(
    refresh_tokens, refresh_tokens.c.session_id == sessions.c.id
)
