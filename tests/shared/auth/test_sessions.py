"""Sessions: a refresh token is good once, and a copy of it ends the session."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from shared.auth.sessions import IDLE_LIFE, SESSION_LIFE, Grant, Reused, Sessions
from shared.auth.users import User, Users
from shared.store.database import Unit
from shared.store.identity import refresh_tokens, sessions


@pytest.fixture
def ann(unit: Unit, clock) -> User:
    people = Users(unit, clock.now)
    people.create_tenant("demo", "Demo shop")
    user_id = people.create_user("ann@shop.example", "Ann", "hash")
    people.add_member(user_id, "demo", "USER")
    return people.user(user_id)


@pytest.fixture
def book(unit: Unit, clock) -> Sessions:
    return Sessions(unit, clock.now)


def test_only_hashes_are_stored(unit: Unit, book: Sessions, ann: User) -> None:
    """The token of 256 random bits is nowhere in its row, and not in the grant's representation."""
    grant = book.open(ann, "demo", "USER", address="192.0.2.1", device="Browser")
    assert len(grant.refresh_token) == 43
    rows = unit.read().execute(select(refresh_tokens)).all()
    assert len(rows) == 1
    assert grant.refresh_token not in repr(rows)
    assert grant.refresh_token not in repr(grant)
    row = unit.read().execute(select(sessions)).one()
    assert (row.address, row.device) == ("192.0.2.1", "Browser")


def test_an_exchange_gives_the_next_token_of_the_same_session(unit: Unit, book: Sessions, ann: User, clock) -> None:
    """The role is the one that the user has by then."""
    first = book.open(ann, "demo", "USER")
    Users(unit, clock.now).add_member(ann.id, "demo", "TENANT_ADMIN")
    second = book.exchange(first.refresh_token)
    assert second == Grant(first.session_id, ann, "demo", "TENANT_ADMIN", second.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert isinstance(book.exchange(second.refresh_token), Grant)


def test_a_token_that_comes_twice_ends_the_session(book: Sessions, ann: User) -> None:
    """The copy gets nothing, the newest token works no more, the session is over; another session is untouched."""
    first, other = book.open(ann, "demo", "USER"), book.open(ann, "demo", "USER")
    second = book.exchange(first.refresh_token)
    assert book.exchange(first.refresh_token) == Reused(first.session_id, ann.id, "demo", ended=True)
    assert book.exchange(first.refresh_token) == Reused(first.session_id, ann.id, "demo", ended=False)
    assert book.exchange(second.refresh_token) is None
    assert not book.lives(first.session_id, ann.id)
    assert isinstance(book.exchange(other.refresh_token), Grant)


@pytest.mark.parametrize("over", ["ended", "disabled", "unknown"])
def test_nothing_is_exchanged_for_a_session_that_is_over(
    unit: Unit, book: Sessions, ann: User, clock, over: str
) -> None:
    """Signed out, the user disabled, a token that nobody issued."""
    token = book.open(ann, "demo", "USER").refresh_token
    if over == "ended":
        session_id = unit.read().execute(select(sessions.c.id)).scalar_one()
        assert book.end(session_id, ann.id, "signed out")
        assert not book.end(session_id, ann.id, "signed out")
    elif over == "disabled":
        Users(unit, clock.now).disable(ann.id)
    else:
        token = token[::-1]
    assert book.exchange(token) is None


def test_a_session_ends_by_itself_when_it_is_not_used(book: Sessions, ann: User, clock) -> None:
    """7 days without a refresh, to the microsecond."""
    token = book.open(ann, "demo", "USER").refresh_token
    clock.at += IDLE_LIFE - timedelta(microseconds=1)
    grant = book.exchange(token)
    clock.at += IDLE_LIFE
    assert book.exchange(grant.refresh_token) is None


def test_a_session_ends_after_30_days_however_much_it_is_used(book: Sessions, ann: User, clock) -> None:
    """Refreshed each day: the last refresh is on the 29th."""
    grant = book.open(ann, "demo", "USER")
    days = 0
    while True:
        clock.pass_by(days=1)
        if not book.lives(grant.session_id, ann.id):
            break
        grant = book.exchange(grant.refresh_token)
        days += 1
    assert days == 29
    assert timedelta(days=30) == SESSION_LIFE
    assert book.exchange(grant.refresh_token) is None


def test_what_is_long_over_is_forgotten(unit: Unit, book: Sessions, ann: User, clock) -> None:
    """Expired tokens go with the next exchange, expired sessions with the next sign-in."""

    def counts() -> tuple[int, int]:
        count = [unit.read().execute(select(func.count()).select_from(table)) for table in (sessions, refresh_tokens)]
        return count[0].scalar_one(), count[1].scalar_one()

    grant = book.open(ann, "demo", "USER")
    clock.pass_by(days=6)
    grant = book.exchange(grant.refresh_token)
    assert counts() == (1, 2)
    clock.pass_by(days=6)
    book.exchange(grant.refresh_token)
    assert counts() == (1, 2)
    clock.pass_by(days=30)
    book.open(ann, "demo", "USER")
    assert counts() == (1, 1)


def test_a_session_is_its_users_own(book: Sessions, ann: User) -> None:
    """Nobody ends or asks for another's session by its id."""
    session_id = book.open(ann, "demo", "USER").session_id
    assert not book.lives(session_id, "user-other")
    assert not book.end(session_id, "user-other", "signed out")
    assert book.lives(session_id, ann.id)


def test_of_many_exchanges_at_once_exactly_one_wins(unit: Unit, book: Sessions, ann: User, clock) -> None:
    """Eight threads, one token: one grant, seven refusals, and the session ended because seven copies came."""
    grant = book.open(ann, "demo", "USER")
    unit.commit()
    barrier = threading.Barrier(8)
    outcomes: list[object] = []

    def exchange() -> None:
        own = Unit("identity")
        barrier.wait()
        outcomes.append(Sessions(own, clock.now).exchange(grant.refresh_token))
        own.commit()

    threads = [threading.Thread(target=exchange) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert sum(isinstance(outcome, Grant) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Reused) and outcome.ended for outcome in outcomes) == 1
    assert not book.lives(grant.session_id, ann.id)


def test_any_order_of_use_copy_and_end_keeps_the_rule(unit: Unit, book: Sessions, ann: User) -> None:
    """A machine of three lines is the model: a session lives until it is ended or an old token comes; the newest
    token of a living session works, and nothing else does."""

    class Life(RuleBasedStateMachine):
        fresh: Bundle[str] = Bundle("fresh")

        def __init__(self) -> None:
            super().__init__()
            self.session_of: dict[str, str] = {}
            self.living: set[str] = set()
            self.used: list[str] = []

        @rule(target=fresh)
        def open(self) -> str:
            grant = book.open(ann, "demo", "USER")
            self.session_of[grant.refresh_token] = grant.session_id
            self.living.add(grant.session_id)
            return grant.refresh_token

        @rule(target=fresh, token=consumes(fresh))
        def exchange(self, token: str) -> object:
            session_id = self.session_of[token]
            outcome = book.exchange(token)
            if session_id not in self.living:
                assert outcome is None
                return multiple()
            assert isinstance(outcome, Grant)
            assert outcome.session_id == session_id
            self.session_of[outcome.refresh_token] = session_id
            self.used.append(token)
            return outcome.refresh_token

        @rule(number=st.integers(0, 50))
        @precondition(lambda self: self.used)
        def copy(self, number: int) -> None:
            token = self.used[number % len(self.used)]
            session_id = self.session_of[token]
            assert book.exchange(token) == Reused(session_id, ann.id, "demo", ended=session_id in self.living)
            self.living.discard(session_id)

        @rule(token=fresh)
        def end(self, token: str) -> None:
            session_id = self.session_of[token]
            assert book.end(session_id, ann.id, "signed out") == (session_id in self.living)
            self.living.discard(session_id)

        def teardown(self) -> None:
            for session_id in set(self.session_of.values()):
                assert book.lives(session_id, ann.id) == (session_id in self.living)

    run_state_machine_as_test(
        Life, settings=settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    )
