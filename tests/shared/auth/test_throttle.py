"""Failed logins make the next ones wait, longer each time."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from shared.auth.throttle import FREE_ANYWHERE, FREE_AT_ADDRESS, Throttle, wait_after
from shared.errors import RateLimited
from shared.store.database import Unit
from shared.store.identity import login_failures


def fail(unit: Unit, clock, email: str = "ann@shop.example", address: str = "192.0.2.1") -> None:
    throttle = Throttle(unit, email, address, clock.now)
    throttle.begin_outcome()
    throttle.failed()


def wait_of(unit: Unit, clock, email: str = "ann@shop.example", address: str = "192.0.2.1") -> float:
    try:
        Throttle(unit, email, address, clock.now).refuse_early()
    except RateLimited as error:
        return error.retry_after or -1.0
    return 0.0


def test_the_wait_doubles_from_one_second_to_15_minutes() -> None:
    """Four failures cost nothing, the fifth a second, the tenth 32, the fifteenth and the thousandth 15 minutes."""
    waits = [wait_after(failures, FREE_AT_ADDRESS).total_seconds() for failures in (1, 4, 5, 6, 10, 14, 15, 1000)]
    assert waits == [0, 0, 1, 2, 32, 512, 900, 900]


def test_an_account_waits_at_the_address_where_it_failed(unit: Unit, clock) -> None:
    """After the fifth failure there: not elsewhere, and no other account there."""
    for _ in range(5):
        assert wait_of(unit, clock) == 0
        fail(unit, clock)
    assert wait_of(unit, clock) == 1
    assert wait_of(unit, clock, "ANN@shop.example") == 1
    assert wait_of(unit, clock, address="192.0.2.2") == 0
    assert wait_of(unit, clock, "bob@shop.example") == 0
    clock.pass_by(seconds=0.25)
    assert wait_of(unit, clock) == 0.75
    clock.pass_by(seconds=0.75)
    assert wait_of(unit, clock) == 0
    fail(unit, clock)
    assert wait_of(unit, clock) == 2


def test_an_account_waits_everywhere_after_100_failures(unit: Unit, clock) -> None:
    """NIST SP 800-63B, 5.2.2: no more than 100 consecutive failures, from as many addresses as there may be."""
    for number in range(100):
        assert wait_of(unit, clock, address="198.51.100.1") == 0
        fail(unit, clock, address=f"192.0.2.{number}")
    assert FREE_ANYWHERE == 100
    assert wait_of(unit, clock, address="198.51.100.1") == 1


def test_an_attempt_that_has_to_wait_is_refused_again_inside_the_transaction(unit: Unit, clock) -> None:
    """Whoever looked before the others failed is stopped after: the second look counts."""
    early = Throttle(unit, "ann@shop.example", "192.0.2.1", clock.now)
    early.refuse_early()
    for _ in range(5):
        fail(unit, clock)
    with pytest.raises(RateLimited) as raised:
        early.begin_outcome()
    assert raised.value.retry_after == 1


def test_a_good_login_clears_the_account_here_and_the_count_everywhere(unit: Unit, clock) -> None:
    """Only the failures at another address stay."""
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(4):
            fail(unit, clock, address=address)
    throttle = Throttle(unit, "ann@shop.example", "192.0.2.1", clock.now)
    throttle.begin_outcome()
    throttle.succeeded()
    fail(unit, clock)
    assert wait_of(unit, clock) == 0
    fail(unit, clock, address="192.0.2.2")
    assert wait_of(unit, clock, address="192.0.2.2") == 1


def test_failures_are_forgotten_after_a_day(unit: Unit, clock) -> None:
    """The rows of everybody go with the next attempt of anybody."""
    for number in range(20):
        fail(unit, clock, f"user{number}@shop.example")
    assert unit.read().execute(select(func.count()).select_from(login_failures)).scalar_one() == 40
    clock.pass_by(days=1, seconds=1)
    fail(unit, clock)
    assert unit.read().execute(select(func.count()).select_from(login_failures)).scalar_one() == 2


def test_no_e_mail_and_no_address_is_stored(unit: Unit, clock) -> None:
    """People type their password into the e-mail field."""
    fail(unit, clock, "hunter2hunter2@oops")
    stored = repr(unit.read().execute(select(login_failures)).all())
    assert "hunter2" not in stored
    assert "192.0.2.1" not in stored


def test_guesses_at_the_same_time_learn_no_more_than_one_by_one(unit: Unit, clock) -> None:
    """Twelve threads pass the first look together; five outcomes are given, then all have to wait."""
    unit.commit()
    barrier = threading.Barrier(12)
    outcomes: list[str] = []

    def guess() -> None:
        own = Unit("identity")
        throttle = Throttle(own, "ann@shop.example", "192.0.2.1", clock.now)
        throttle.refuse_early()
        own.rest()
        barrier.wait()
        try:
            throttle.begin_outcome()
            throttle.failed()
            own.commit()
            outcomes.append("wrong")
        except RateLimited:
            outcomes.append("wait")
        finally:
            own.close()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["wait"] * 7 + ["wrong"] * 5
