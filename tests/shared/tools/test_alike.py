"""Requests that are alike come together, and only those."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.alike import Candidate, alike, group_alike
from shared.tools.money import money

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def candidate(name: str, age: int = 0, **more: object) -> Candidate:
    values: dict[str, object] = {
        "task_type": "order",
        "triggers": frozenset({"high_value_transaction"}),
        "role": "fraud_screener",
        "action": "accept",
        "subjects": {"customer": frozenset({"c-1"})},
        "words": frozenset(),
        "amount": money("100.00", "EUR"),
    }
    return Candidate(name, START + timedelta(minutes=age), **(values | more))  # type: ignore[arg-type]  # built from a table


def test_two_requests_of_one_customer() -> None:
    """The group is keyed by its oldest, and says what is common and what differs."""
    first, second = candidate("a"), candidate("b", 1, amount=money("150.00", "EUR"))
    (group,) = group_alike([second, first])
    assert (group.key, group.ids, group.differs) == ("alike-a", ("a", "b"), ("amount",))
    assert group.common == {
        "task_type": "order",
        "triggers": ["high_value_transaction"],
        "role": "fraud_screener",
        "action": "accept",
        "customer": ["c-1"],
    }


@pytest.mark.parametrize(
    "other",
    [
        {"task_type": "content"},
        {"triggers": frozenset({"high_value_transaction", "fraud_risk_detected"})},
        {"role": "payment_validator"},
        {"action": "work"},
        {"subjects": {"customer": frozenset({"c-2"})}},
        {"amount": money("200.01", "EUR")},
        {"amount": money("100.00", "USD")},
        {"amount": None},
    ],
)
def test_what_keeps_two_requests_apart(other: dict[str, object]) -> None:
    """Another type, trigger set, role, kind of action, subject or size of amount."""
    assert group_alike([candidate("a"), candidate("b", 1, **other)]) == []


@pytest.mark.parametrize("kind", ["sku", "supplier"])
def test_one_sku_or_supplier_in_common_is_enough(kind: str) -> None:
    """Different customers, the same goods."""
    one = candidate("a", subjects={"customer": frozenset({"c-1"}), kind: frozenset({"x", "y"})})
    other = candidate("b", 1, subjects={"customer": frozenset({"c-2"}), kind: frozenset({"y", "z"})})
    (group,) = group_alike([one, other])
    assert (group.common[kind], group.differs) == (["y"], ("customer", kind))


def test_texts_with_half_of_their_words_in_common() -> None:
    """Jaccard 2/4 is alike, 1/4 is not."""
    one = candidate("a", subjects={}, words=frozenset({"parcel", "late", "refund"}))
    assert alike(one, candidate("b", subjects={}, words=frozenset({"parcel", "late", "angry"})))
    assert not alike(one, candidate("b", subjects={}, words=frozenset({"parcel", "broken"})))


def test_amounts_do_not_drift_apart_in_a_chain() -> None:
    """100, 200, 400: each is within a factor 2 of the next, the third is not of the first."""
    items = [candidate(name, age, amount=money(100 * 2**age, "EUR")) for age, name in enumerate("abc")]
    assert [group.ids for group in group_alike(items)] == [("a", "b")]


CANDIDATES = st.builds(
    lambda name, age, customer, words, amount: candidate(
        name, age, subjects={"customer": frozenset(customer)}, words=frozenset(words), amount=money(amount, "EUR")
    ),
    st.uuids().map(str),
    st.integers(0, 30),
    st.lists(st.sampled_from("xyz"), max_size=1),
    st.lists(st.sampled_from("abcd")),
    st.integers(0, 400),
)


@given(st.lists(CANDIDATES, max_size=10, unique_by=lambda item: item.id), st.randoms())
def test_any_two_of_a_group_are_alike_and_nobody_is_in_two(items: list[Candidate], chance: random.Random) -> None:
    """And the groups do not depend on the order in which the requests are given."""
    groups = group_alike(items)
    by_id = {item.id: item for item in items}
    assert all(alike(by_id[a], by_id[b]) for group in groups for a, b in combinations(group.ids, 2))
    members = [name for group in groups for name in group.ids]
    assert len(members) == len(set(members))
    chance.shuffle(items)
    assert group_alike(items) == groups
