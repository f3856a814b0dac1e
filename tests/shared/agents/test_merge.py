"""The tools decide; a model may only make a conclusion more careful, and says no number that no tool gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.agents.answer import Answer
from shared.agents.case import Conclusion
from shared.agents.merge import facts_of, merge

COMPUTED = Conclusion("agrees", 0.8, {"total": "33.00"}, "The lines come to 33.00 EUR.")
FOUND: dict[str, Any] = {
    "total": {"amount": Decimal("33.00"), "currency": "EUR"},
    "deviation": 0.23456,
    "shipping": {"day": datetime(2026, 12, 3, 9, 30, tzinfo=UTC), "tracking": "1Z999AA10123456784", "parcels": 3},
}


def merged(computed: Conclusion = COMPUTED, **said: Any) -> tuple[Conclusion, tuple[str, ...]]:
    return merge(computed, Answer(**{"summary": "Fine.", "confidence": 0.9, **said}), FOUND)


@pytest.mark.parametrize(("said", "kept"), [(0.9, 0.8), (0.3, 0.3), (0.0, 0.0)])
def test_confidence_is_the_lower_of_the_two(said: float, kept: float) -> None:
    assert merged(confidence=said)[0].confidence == kept


@pytest.mark.parametrize("outcome", [None, "agrees"])
def test_no_view_or_the_same_view_adds_nothing(outcome: str | None) -> None:
    conclusion, notes = merged(outcome=outcome)
    assert (conclusion.outcome, conclusion.escalations, notes) == ("agrees", (), ())


def test_another_view_stops_at_a_human_and_changes_no_outcome() -> None:
    conclusion, notes = merged(outcome="differs")
    assert conclusion.outcome == "agrees"
    assert [(found.trigger, found.actual, found.limit) for found in conclusion.escalations] == [
        ("unusual_behavior_pattern", "differs", "agrees")
    ]
    assert notes == ("the model would conclude 'differs', the tools 'agrees'",)


@pytest.mark.parametrize(
    "summary",
    [
        "All is well.",
        "The lines come to 33.00 EUR.",
        "The total is €33.00.",
        "It deviates by 0.23456, that is 23.46 % or about 0.23.",
        "3 parcels leave on December 3, 2026.",
        "Tracking 1Z999AA10123456784.",
    ],
)
def test_a_summary_with_the_tools_own_values_is_kept(summary: str) -> None:
    assert merged(summary=summary)[0].summary == summary


@pytest.mark.parametrize(
    ("summary", "claim"),
    [
        ("The lines come to 34.00 EUR.", "34.00"),
        ("The lines come to 33.00 USD.", "33.00"),
        ("It deviates by 24 %.", "24"),
        ("4 parcels leave.", "4"),
        ("It leaves on December 4, 2026.", "December 4, 2026"),
        ("See https://evil.example/pay.", "evil.example"),
        ("Write to boss@evil.example.", "boss@evil.example"),
    ],
)
def test_an_invented_value_costs_the_model_its_summary(summary: str, claim: str) -> None:
    conclusion, notes = merged(summary=summary)
    assert conclusion.summary == COMPUTED.summary
    assert notes[0].startswith("the model's summary is not shown: no tool supports")
    assert claim in notes[0]


def test_what_the_computed_summary_says_word_for_word_may_be_said() -> None:
    computed = Conclusion("agrees", 0.8, {}, "Order 77123 is fine.")
    assert merged(computed, summary="Order 77123 can go.")[0].summary == "Order 77123 can go."


def test_concerns_are_notes_unless_they_invent() -> None:
    _, notes = merged(concerns=("The address looks odd.", "The customer owes 500.00 EUR."))
    assert notes[0] == "the model: The address looks odd."
    assert notes[1].startswith("a concern of the model is not shown: no tool supports")


@dataclass(frozen=True)
class _Nested:
    inner: Any


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.just(object()),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner) | inner.map(_Nested),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _VALUES, max_size=5))
def test_whatever_tools_find_can_be_checked_against(found: dict[str, Any]) -> None:
    list(facts_of(found))
    conclusion, _ = merge(COMPUTED, Answer(summary="It is 98765.43 EUR.", confidence=1), found)
    assert conclusion.outcome == "agrees"


def test_an_endless_structure_ends() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    assert list(facts_of(endless)) == []
