"""The order of waiting requests loses least: the page's proof, brute force over all orders, and its laws."""

from __future__ import annotations

import math
import random
import statistics
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.money import money
from shared.tools.review_queue import (
    URGENCIES,
    Waiting,
    arrange,
    by_age,
    delay_loss,
    hazard,
    order_queue,
    queue_loss,
    review_minutes,
    will_expire,
)

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def waiting(name: str, stake: float | None, rate: float, minutes: float, age: int, **more: object) -> Waiting:
    values: dict[str, object] = {"urgency": "low", "hours_left": 24.0, **more}
    return Waiting(name, created_at=START + timedelta(minutes=age), minutes=minutes, stake=stake, hazard=rate, **values)  # type: ignore[arg-type]  # built from a table


R1 = waiting("R1", 6200 * 0.25, 0.0171875, 8, 0)
R2 = waiting("R2", 90.0, 0.05, 3, 1)
R3 = waiting("R3", 1200 * 0.25, 1.0, 6, 2, hours_left=1.0)
PROOF = [R1, R2, R3]


@pytest.mark.parametrize(
    ("amount", "margin", "lost", "hours", "left", "rate", "per_hour"),
    [
        ("6200.00", "0.25", 5, 320.0, 24.0, 0.0171875, "26.64"),
        ("90.00", None, 1, 30.0, 24.0, 0.05, "4.50"),
        ("1200.00", "0.25", 0, 0.0, 1.0, 1.0, "300.00"),
    ],
)
def test_the_loss_per_hour_of_the_proof(
    amount: str, margin: str | None, lost: int, hours: float, left: float, rate: float, per_hour: str
) -> None:
    """26.64, 4.50 and 300.00 an hour, as the role's page has them."""
    share = None if margin is None else Decimal(margin)
    loss = delay_loss(money(amount, "EUR"), margin=share, lost=lost, waited_hours=hours, hours_left=left)
    assert loss.hazard == pytest.approx(rate)
    assert str(loss.per_hour.rounded()) == f"{per_hour} EUR"


def test_the_index_per_hour_of_review() -> None:
    """199.8, 90.0 and 3000 an hour of review."""
    assert [round(item.index, 1) for item in PROOF] == [199.8, 90.0, 3000.0]


def test_the_queue_of_the_proof_loses_least_of_all_six_orders() -> None:
    """R3, R1, R2 loses 36.02; by age the loss is 78.39 (R3 expires before its turn is over)."""
    assert [(item.id, item.rank) for item in order_queue(PROOF)] == [("R3", 1), ("R1", 2), ("R2", 3)]
    assert round(sum(item.expected_loss or 0 for item in order_queue(PROOF)), 2) == 36.02
    assert round(queue_loss(PROOF), 2) == 78.39
    assert round(min(queue_loss(line) for line in permutations(PROOF)), 2) == 36.02


def test_a_hazard_is_never_zero_and_needs_no_history() -> None:
    """No loss in 100 hours is half a one (Jeffreys); without history the time to expiry counts, overdue or not."""
    assert hazard(0, 100.0, 24.0) == 0.005
    assert hazard(0, 0.0, 8.0) == 0.125
    assert hazard(0, 0.0, -1.0) == 60.0
    with pytest.raises(Invalid, match="lost"):
        hazard(-1, 1.0, 1.0)


def test_the_whole_stake_is_lost_at_expiry() -> None:
    """1 - e^-ht of the stake before it, all of it from then on."""
    assert R3.loss(0.999) == pytest.approx(300 * (1 - math.exp(-0.999)))
    assert R3.loss(1.0) == 300.0


def test_a_margin_is_a_share() -> None:
    """A margin of 25 instead of 0.25 is refused."""
    with pytest.raises(Invalid, match="margin"):
        delay_loss(money("1", "EUR"), margin=Decimal(25), lost=0, waited_hours=0, hours_left=1)


def test_review_minutes_are_drawn_to_the_habit_of_the_type() -> None:
    """Without own reviews the type's geometric mean, with many the own one, without any 5 minutes."""
    of_type = [2.0, 8.0, 4.0]
    assert review_minutes([], []) == pytest.approx(5.0)
    assert review_minutes([], of_type) == pytest.approx(statistics.geometric_mean(of_type))
    # Five reviews of 16 minutes beside five of the habit, 4: the geometric middle is 8.
    assert review_minutes([16.0] * 5, of_type) == pytest.approx(8.0)
    with pytest.raises(Invalid, match="minutes"):
        review_minutes([0.0], [1.0])


def test_urgency_comes_first_unless_the_tenant_ranks_across() -> None:
    """A small urgent request stands before a costly one that is not, as in the list of waiting requests."""
    urgent = waiting("urgent", 1.0, 0.01, 5, 9, urgency="high")
    assert [item.id for item in order_queue([R3, urgent])] == ["urgent", "R3"]
    assert [item.id for item in order_queue([urgent, R3], across_urgency=True)] == ["R3", "urgent"]


def test_ties_are_oldest_first() -> None:
    """Equal requests keep the order in which they came, however they are listed."""
    same = [waiting(f"{age}", 10.0, 0.1, 5, age) for age in range(6)]
    shuffled = random.Random(7).sample(same, 6)
    assert [item.id for item in order_queue(shuffled)] == ["0", "1", "2", "3", "4", "5"]


def test_a_request_without_a_stake_keeps_its_place_by_age() -> None:
    """The second oldest stays second, and the others are ranked around it."""
    unknown = waiting("?", None, 0.1, 4, 1)
    dear, cheap = waiting("dear", 900.0, 0.5, 5, 2), waiting("cheap", 1.0, 0.1, 5, 0)
    assert [(item.id, item.expected_loss is None) for item in order_queue([dear, cheap, unknown])] == [
        ("dear", False),
        ("?", True),
        ("cheap", False),
    ]


def test_requests_whose_turn_comes_after_they_expire() -> None:
    """The third begins after 10 minutes of work: with 9 left it expires, with two reviewers it does not."""
    line = [waiting(name, 1.0, 1.0, 5, age, hours_left=9 / 60) for age, name in enumerate("abc")]
    assert will_expire(line) == ["c"]
    assert will_expire(line, reviewers=2) == []
    assert will_expire(line, begin_hours=5 / 60) == ["b", "c"]


WAITING = st.builds(
    Waiting,
    id=st.uuids().map(str),
    urgency=st.sampled_from(URGENCIES),
    created_at=st.integers(0, 50).map(lambda minutes: START + timedelta(minutes=minutes)),
    hours_left=st.floats(-1, 48),
    minutes=st.floats(0.1, 120),
    stake=st.none() | st.floats(0, 1e6),
    hazard=st.floats(1e-4, 60),
)
QUEUES = st.lists(WAITING, max_size=9, unique_by=lambda item: item.id)


@given(QUEUES, st.booleans(), st.integers(1, 3), st.randoms())
def test_the_queue_is_complete_and_does_not_depend_on_the_order_given(
    pending: list[Waiting], across: bool, reviewers: int, chance: random.Random
) -> None:
    """Everybody is in it once, with ranks from 1, and shuffling the input changes nothing."""
    queue = order_queue(pending, across_urgency=across, reviewers=reviewers)
    assert sorted(item.id for item in queue) == sorted(item.id for item in pending)
    assert [item.rank for item in queue] == list(range(1, len(pending) + 1))
    chance.shuffle(pending)
    assert order_queue(pending, across_urgency=across, reviewers=reviewers) == queue


@given(QUEUES)
def test_the_queue_never_loses_more_than_by_age_or_by_the_index(pending: list[Waiting]) -> None:
    """Neither the order of age nor the c-mu order within the urgency classes loses less."""
    known = [item for item in pending if item.stake is not None]
    classes = [by_age([item for item in known if item.urgency == urgency]) for urgency in URGENCIES]
    aged = [item for members in classes for item in members]
    indexed = [item for members in classes for item in sorted(members, key=lambda item: -item.index)]
    best = queue_loss(arrange(known))
    assert best <= queue_loss(aged) * (1 + 1e-9) + 1e-9
    assert best <= queue_loss(indexed) * (1 + 1e-9) + 1e-9


@given(QUEUES)
def test_no_request_is_ranked_before_a_more_urgent_one(pending: list[Waiting]) -> None:
    """High before medium before low, as `GET /hitl/pending` has them."""
    ranks = [URGENCIES.index(item.urgency) for item in arrange(pending)]
    assert ranks == sorted(ranks)


@given(QUEUES)
def test_unknown_stakes_stand_where_their_age_puts_them(pending: list[Waiting]) -> None:
    """Within its class, a request without a stake has the place that the order by age gives it."""
    for urgency in URGENCIES:
        members = [item for item in pending if item.urgency == urgency]
        aged, line = by_age(members), arrange(members)
        assert [item if item.stake is None else None for item in aged] == [
            item if item.stake is None else None for item in line
        ]
