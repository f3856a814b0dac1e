"""Declaring is done once, again without effect, and never over something that is different."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from events.topology import QueueSpec, Topology
from shared.bus.rabbitmq.address import parse_address
from shared.bus.rabbitmq.broker import DIFFERENT, MISSING, SAME, Broker
from shared.bus.rabbitmq.layout import QueueOptions
from shared.bus.rabbitmq.session import Session
from shared.errors import Conflict

NAME = "declared"


def topology(ttl=600):
    return Topology({NAME: QueueSpec(NAME, 5, ttl, delivery_limit=2)}, {})


@pytest.fixture
def session(address: str) -> Iterator[Session]:
    session = Session(parse_address(address), "test")
    yield session
    for name in (NAME, f"{NAME}.retry.1", f"{NAME}.retry.2", f"{NAME}.dlq"):
        session.ask(lambda channel, done, name=name: channel.queue_delete(name, callback=done))
    session.close()


def states(differences):
    return {one.name: one.state for one in differences}


def test_comparing_makes_nothing_and_applying_makes_what_is_missing_once(session):
    broker = Broker(session, topology(), QueueOptions())
    for _ in range(2):
        found = states(broker.compare())
        assert found.pop("dlx") == SAME  # the contract tests' topology is there
        assert set(found.values()) == {MISSING}
    assert set(states(broker.apply())) == {NAME, f"{NAME}.retry.1", f"{NAME}.retry.2", f"{NAME}.dlq"}
    assert set(states(broker.compare()).values()) == {SAME}
    assert broker.apply() == []


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (Broker(None, topology(ttl=601), QueueOptions()), "x-message-ttl"),
        (Broker(None, topology(), QueueOptions(max_length=5)), "x-max-length"),
        (Broker(None, topology(), QueueOptions("classic")), "inequivalent arg"),
    ],
)
def test_what_is_different_is_told_in_the_brokers_words_and_left_alone(session, other, told):
    Broker(session, topology(), QueueOptions()).apply()
    other._session = session
    different = {one.name: one.detail for one in other.compare() if one.state == DIFFERENT}
    assert told in different[NAME]
    with pytest.raises(Conflict, match=NAME):
        other.apply()
    assert set(states(Broker(session, topology(), QueueOptions()).compare()).values()) == {SAME}


def test_the_version_is_the_brokers_own_word(session):
    assert (3, 10) <= session.version() < (5,)
