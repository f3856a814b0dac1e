"""Tenants, users, memberships, and the users of a demonstration."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.auth import passwords
from shared.auth.users import Membership, SeedUser, User, Users, one_form, seed
from shared.errors import Conflict, Invalid, NotFound
from shared.store.database import Unit
from shared.store.migrate import migrate

DEMO = (
    SeedUser("super@demo.example", "Sue", "demo", "Demo shop", "SUPER_ADMIN"),
    SeedUser("reader@demo.example", "Rae", "demo", "Demo shop", "READONLY"),
    SeedUser("admin@other.example", "Odo", "other", "Other shop", "TENANT_ADMIN"),
)


@pytest.fixture
def people(unit: Unit, clock) -> Users:
    people = Users(unit, clock.now)
    people.create_tenant("demo", "Demo shop")
    people.create_tenant("other", "Other shop")
    return people


def test_a_user_is_found_by_any_spelling_of_the_e_mail(people: Users) -> None:
    """Case and width do not make another person; a second user of one e-mail is a conflict."""
    user_id = people.create_user("Ann@Shop.Example", "Ann", "hash")
    login = people.find_login("ａnn@shop.EXAMPLE")
    assert login is not None
    assert login.user == User(user_id, one_form("Ann@Shop.Example"), "Ann")
    assert login.password_hash == "hash"
    assert people.find_login("bob@shop.example") is None
    with pytest.raises(Conflict):
        people.create_user("ann@shop.example", "Ann again", "hash")


@pytest.mark.parametrize(
    "email", ["", "ann", "@shop", "ann@", "a b@shop", "ann@shop\x00", "a@b@c", "x" * 320 + "@shop"]
)
def test_an_e_mail_that_is_none_is_refused(people: Users, email: str) -> None:
    """The error names the field."""
    with pytest.raises(Invalid, match="email"):
        people.create_user(email, "Ann", "hash")


@pytest.mark.parametrize("tenant", ["", "Demo", "-demo", "de mo", "x" * 64, "demo\n"])
def test_a_tenant_id_is_a_slug(people: Users, tenant: str) -> None:
    """1 to 63 of a-z, 0-9 and -; a second one of the same id is a conflict."""
    with pytest.raises(Invalid, match="tenant"):
        people.create_tenant(tenant, "Name")
    with pytest.raises(Conflict):
        people.create_tenant("demo", "Name")


def test_a_user_has_a_role_in_each_tenant_the_oldest_first(people: Users, clock) -> None:
    """The same user twice in one tenant is a change of role."""
    user_id = people.create_user("ann@shop.example", "Ann", "hash")
    people.add_member(user_id, "other", "READONLY")
    clock.pass_by(seconds=1)
    people.add_member(user_id, "demo", "USER")
    people.add_member(user_id, "other", "TENANT_ADMIN")
    expected = (Membership("other", "Other shop", "TENANT_ADMIN"), Membership("demo", "Demo shop", "USER"))
    assert people.memberships(user_id) == expected
    login = people.find_login("ann@shop.example")
    assert login is not None
    assert login.memberships == expected


def test_a_membership_needs_a_user_a_tenant_and_a_persons_role(people: Users) -> None:
    """AGENT is no person's role; unknown ids are 404."""
    user_id = people.create_user("ann@shop.example", "Ann", "hash")
    for role in ("AGENT", "ROOT", ""):
        with pytest.raises(Invalid, match="role"):
            people.add_member(user_id, "demo", role)
    for user, tenant in ((user_id, "nowhere"), ("nobody", "demo")):
        with pytest.raises(NotFound):
            people.add_member(user, tenant, "USER")


def test_a_disabled_user_is_nobody_to_a_login(people: Users) -> None:
    """The hash is not handed out, so that no password matches."""
    user_id = people.create_user("ann@shop.example", "Ann", "hash")
    people.disable(user_id)
    login = people.find_login("ann@shop.example")
    assert login is not None
    assert login.password_hash is None
    assert people.user(user_id) is None
    with pytest.raises(NotFound):
        people.disable("nobody")


def test_a_hash_is_replaced_only_if_it_is_still_the_one_that_was_checked(people: Users) -> None:
    """A password changed meanwhile wins over a rehash."""
    user_id = people.create_user("ann@shop.example", "Ann", "changed")
    people.replace_hash(user_id, "checked", "rehashed")
    assert people.find_login("ann@shop.example").password_hash == "changed"
    people.replace_hash(user_id, "changed", "rehashed")
    assert people.find_login("ann@shop.example").password_hash == "rehashed"


def test_a_login_does_not_show_its_hash() -> None:
    """The representation of what a login is checked against has no hash in it."""
    from shared.auth.users import Login

    assert "secret-hash" not in repr(Login(User("1", "a@b", "A"), "secret-hash", ()))


@pytest.mark.usefixtures("cheap_hashes", "unit")
class TestSeed:
    def test_seeding_makes_what_is_missing_and_can_sign_in(self) -> None:
        """Tenants, users with their password, memberships; and says whom it made."""
        assert seed(DEMO, lambda email: f"password of {email}") == tuple(one.email for one in DEMO)
        people = Users(Unit("identity"))
        for one in DEMO:
            login = people.find_login(one.email)
            assert login is not None
            assert passwords.matches(login.password_hash, f"password of {one.email}")
            assert login.memberships == (Membership(one.tenant, one.tenant_name, one.role),)

    def test_seeding_again_changes_nothing_and_asks_for_no_password(self) -> None:
        """A role that an administrator changed stays; nothing is hashed."""
        seed(DEMO, lambda email: "first password")
        unit = Unit("identity")
        people = Users(unit)
        reader = people.find_login("reader@demo.example")
        people.add_member(reader.user.id, "demo", "USER")
        unit.commit()

        def never(email: str) -> str:
            raise AssertionError(f"asked for the password of {email}")

        assert seed(DEMO, never) == ()
        assert people.find_login("reader@demo.example").password_hash == reader.password_hash
        assert people.memberships(reader.user.id)[0].role == "USER"

    def test_seeding_goes_on_where_it_is_incomplete(self) -> None:
        """A user more, a second tenant for one who exists: both are added."""
        seed(DEMO, lambda email: "first password")
        more = (
            SeedUser("super@demo.example", "Sue", "other", "Other shop", "SUPER_ADMIN"),
            SeedUser("user@demo.example", "Uma", "demo", "Demo shop", "USER"),
        )
        assert seed((*DEMO, *more), lambda email: "second password") == ("user@demo.example",)
        sue = Users(Unit("identity")).find_login("super@demo.example")
        assert [one.tenant for one in sue.memberships] == ["demo", "other"]
        assert passwords.matches(sue.password_hash, "first password")

    def test_a_password_that_breaks_the_rules_makes_nobody(self) -> None:
        """All or nothing: the good user before the bad one is not made either."""
        with pytest.raises(Invalid, match="password"):
            seed(DEMO, lambda email: "short" if email.startswith("admin") else "long enough")
        assert Users(Unit("identity")).find_login("super@demo.example") is None


@pytest.mark.stores("sqlite")
def test_seeding_an_unmigrated_database_fails_and_leaves_nothing_locked(home: Path, cheap_hashes: None) -> None:
    """The error passes; after the migration the same call works."""
    from sqlalchemy.exc import OperationalError

    with pytest.raises(OperationalError, match="no such table"):
        seed(DEMO, lambda email: "first password")
    migrate("identity")
    assert len(seed(DEMO, lambda email: "first password")) == 3
