"""Tenants, users and who belongs where with which role; and the users of a demonstration."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from sqlalchemy import insert, select, update

from shared.auth import passwords
from shared.contract import ROLES
from shared.errors import Conflict, Invalid, NotFound
from shared.runtime.clock import utc_now
from shared.store.database import Unit, database_errors
from shared.store.identity import memberships, tenants, users

#: The roles that a person can have.
PERSON_ROLES = tuple(role for role in ROLES if role != "AGENT")
TENANT_ID = r"^[a-z0-9][a-z0-9-]{0,62}$"
EMAIL = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"


@dataclass(frozen=True)
class User:
    """A person, as others may see them."""

    id: str
    email: str
    name: str


@dataclass(frozen=True)
class Membership:
    """One tenant that a user belongs to."""

    tenant: str
    tenant_name: str
    role: str


@dataclass(frozen=True)
class Login:
    """What a login is checked against. No password matches a hash of None (the user is disabled); `memberships` has
    the oldest first and may be empty."""

    user: User
    password_hash: str | None = field(repr=False)
    memberships: tuple[Membership, ...]


@dataclass(frozen=True)
class SeedUser:
    """A user who has to exist in a tenant with a role."""

    email: str
    name: str
    tenant: str
    tenant_name: str
    role: str


class Users:
    """The repository of tenants, users and memberships over the identity database."""

    def __init__(self, unit: Unit, now: Callable[[], datetime] = utc_now) -> None:
        """`unit` is the identity database's; `now` is the clock."""
        self._unit = unit
        self._now = now

    def create_tenant(self, tenant: str, name: str) -> None:
        """Add a tenant. Raises `Invalid` for an id that is no slug, `Conflict` for one that is taken."""
        if not re.fullmatch(TENANT_ID, tenant):
            raise Invalid.field("tenant", "must be 1 to 63 of a-z, 0-9 and -, and not begin with -")
        write = self._unit.write()
        if self.has_tenant(tenant):
            raise Conflict(f"the tenant {tenant} exists")
        write.execute(insert(tenants), [{"id": tenant, "name": name, "created_at": self._now()}])

    def has_tenant(self, tenant: str) -> bool:
        """Whether a tenant exists."""
        return self._unit.read().execute(select(tenants.c.id).where(tenants.c.id == tenant)).first() is not None

    def create_user(self, email: str, name: str, password_hash: str) -> str:
        """Add a user and return the new id. `password_hash` is of `passwords.hash_password`: hash before the write
        transaction begins. Raises `Invalid` for an e-mail that is none, `Conflict` for one that is taken."""
        if not re.fullmatch(EMAIL, email) or len(email) > 320:
            raise Invalid.field("email", "must be an e-mail address of at most 320 characters")
        write = self._unit.write()
        if self.find_login(email) is not None:
            raise Conflict("a user has this e-mail")
        user_id = f"user-{uuid4().hex}"
        row = {"id": user_id, "email": one_form(email), "name": name, "password_hash": password_hash}
        write.execute(insert(users), [row | {"created_at": self._now()}])
        return user_id

    def add_member(self, user_id: str, tenant: str, role: str) -> None:
        """Let a user into a tenant, or change the role there; tokens carry the new role from the next refresh on.

        Raises `Invalid` for a role that no person has, `NotFound` for an unknown user or tenant.
        """
        if role not in PERSON_ROLES:
            raise Invalid.field("role", f"must be one of {', '.join(PERSON_ROLES)}")
        if self.user(user_id) is None or not self.has_tenant(tenant):
            raise NotFound("no such user or tenant")
        write = self._unit.write()
        one = (memberships.c.user_id == user_id) & (memberships.c.tenant == tenant)
        if write.execute(update(memberships).where(one).values(role=role)).rowcount == 0:
            row = {"user_id": user_id, "tenant": tenant, "role": role, "joined_at": self._now()}
            write.execute(insert(memberships), [row])

    def disable(self, user_id: str) -> None:
        """Lock a user out: no login and no refresh from now on. Raises `NotFound`."""
        statement = update(users).where(users.c.id == user_id).values(disabled_at=self._now())
        if self._unit.write().execute(statement).rowcount == 0:
            raise NotFound("no such user")

    def find_login(self, email: str) -> Login | None:
        """What to check a login against, also for a disabled user; None for an unknown e-mail. One query."""
        found = self._unit.read().execute(_LOGIN.where(users.c.email == one_form(email))).all()
        if not found:
            return None
        first = found[0]
        return Login(
            User(first.id, first.email, first.name),
            None if first.disabled_at else first.password_hash,
            tuple(Membership(row.tenant, row.tenant_name, row.role) for row in found if row.tenant),
        )

    def user(self, user_id: str) -> User | None:
        """A user who is not disabled, or None."""
        query = select(users.c.id, users.c.email, users.c.name).where(
            users.c.id == user_id, users.c.disabled_at.is_(None)
        )
        row = self._unit.read().execute(query).first()
        return None if row is None else User(row.id, row.email, row.name)

    def memberships(self, user_id: str) -> tuple[Membership, ...]:
        """Where a user belongs, the oldest membership first."""
        query = (
            select(memberships.c.tenant, tenants.c.name, memberships.c.role)
            .join(tenants, tenants.c.id == memberships.c.tenant)
            .where(memberships.c.user_id == user_id)
            .order_by(memberships.c.joined_at, memberships.c.tenant)
        )
        return tuple(Membership(*row) for row in self._unit.read().execute(query))

    def replace_hash(self, user_id: str, old: str, new: str) -> None:
        """Store a hash of the same password at today's cost, unless the password was changed meanwhile."""
        same = (users.c.id == user_id) & (users.c.password_hash == old)
        self._unit.write().execute(update(users).where(same).values(password_hash=new))


_LOGIN = (
    select(
        users.c.id,
        users.c.email,
        users.c.name,
        users.c.password_hash,
        users.c.disabled_at,
        memberships.c.tenant,
        tenants.c.name.label("tenant_name"),
        memberships.c.role,
    )
    .outerjoin(memberships, memberships.c.user_id == users.c.id)
    .outerjoin(tenants, tenants.c.id == memberships.c.tenant)
    .order_by(memberships.c.joined_at, memberships.c.tenant)
)


def one_form(email: str) -> str:
    """The one spelling under which an e-mail is stored and counted: NFKC, case folded."""
    return unicodedata.normalize("NFKC", email).casefold()


def seed(wanted: Sequence[SeedUser], password_of: Callable[[str], str]) -> tuple[str, ...]:
    """Make the tenants, users and memberships that are missing; returns the e-mails of the users it made.

    May run at every start: who exists keeps name, password and role. `password_of(email)` is asked for new users
    only and its answer must keep `passwords.check_rules` (raises `Invalid`). Commits at the end, all or nothing.
    """
    unit = Unit("identity")
    try:
        with database_errors():
            people = Users(unit)
            new = tuple(dict.fromkeys(one.email for one in wanted if people.find_login(one.email) is None))
            hashes = {email: _new_hash(email, password_of(email)) for email in new}
            unit.alone("seed")  # from here on nobody else seeds: what is missing now is missing until the commit
            for one in wanted:
                _seed_one(people, one, hashes)
            unit.commit()
    finally:
        unit.close()
    return new


def change_passwords(emails: Sequence[str], password: str) -> None:
    """Give users a new password, all or none; unknown e-mails are passed over. Raises `Invalid` for a bad password."""
    hashes = {email: _new_hash(email, password) for email in emails}
    unit = Unit("identity")
    try:
        with database_errors():
            for email, password_hash in hashes.items():
                same = users.c.email == one_form(email)
                unit.write().execute(update(users).where(same).values(password_hash=password_hash))
            unit.commit()
    finally:
        unit.close()


def _new_hash(email: str, password: str) -> str:
    passwords.check_rules(password, names=(email,))
    return passwords.hash_password(password)


def _seed_one(people: Users, one: SeedUser, hashes: dict[str, str]) -> None:
    if not people.has_tenant(one.tenant):
        people.create_tenant(one.tenant, one.tenant_name)
    login = people.find_login(one.email)
    user_id = login.user.id if login else people.create_user(one.email, one.name, hashes[one.email])
    if login is None or one.tenant not in [member.tenant for member in login.memberships]:
        people.add_member(user_id, one.tenant, one.role)
