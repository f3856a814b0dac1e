"""Naive Bayes against the worked example of Introduction to Information Retrieval (2008), 13.1."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.naive_bayes import naive_bayes, train

CHINA = (
    ("Chinese Beijing Chinese", "china"),
    ("Chinese Chinese Shanghai", "china"),
    ("Chinese Macao", "china"),
    ("Tokyo Japan Chinese", "other"),
)
CLASSES: dict[str, tuple[str, ...]] = {"china": (), "other": ()}
QUESTION = "Chinese Chinese Chinese Tokyo Japan"


def test_example_13_1_of_the_textbook() -> None:
    joint = train(CHINA, CLASSES).joint(QUESTION)
    assert exp(joint["china"]) == pytest.approx(0.000301, abs=5e-7)
    assert exp(joint["other"]) == pytest.approx(0.000135, abs=5e-7)
    assert naive_bayes(QUESTION, CHINA, CLASSES)["china"] == pytest.approx(0.690, abs=5e-4)


def test_words_never_seen_change_nothing() -> None:
    assert naive_bayes(f"{QUESTION} Peru Lima", CHINA, CLASSES) == naive_bayes(QUESTION, CHINA, CLASSES)


def test_seed_phrases_count_as_one_example_so_a_new_tenant_can_start() -> None:
    p = naive_bayes(
        "my parcel is lost", (), {"delivery": ("parcel lost", "courier late"), "payment": ("card declined",)}
    )
    # Six words in all: (2/10)^2 for "parcel" and "lost" under delivery, (1/8)^2 under payment.
    assert p["delivery"] == pytest.approx(0.04 / (0.04 + 1 / 64))
    seeded = naive_bayes("zebra", CHINA, {"china": ("Chinese",), "other": ()})
    assert seeded["china"] == pytest.approx(4 / 5)  # the prior alone: (3 + 1) of 5 examples


def test_with_nothing_to_go_by_all_classes_are_alike() -> None:
    assert naive_bayes("", (), {"a": (), "b": ()}) == {"a": 0.5, "b": 0.5}


def test_a_class_without_examples_is_impossible_beside_one_that_has_them() -> None:
    assert naive_bayes("x", [("x", "a")], {"a": (), "b": ()}) == {"a": 1.0, "b": 0.0}


def test_an_example_of_an_unknown_class_is_refused_by_its_place() -> None:
    with pytest.raises(Invalid, match=r"examples\[1\].*'c'"):
        naive_bayes("x", [("x", "a"), ("y", "c")], {"a": ()})


def test_no_classes_are_refused() -> None:
    with pytest.raises(Invalid, match="classes"):
        naive_bayes("x", (), {})


VOCABULARY = ["parcel", "card", "login", "shoe", "broken", "late"]
texts = st.lists(st.sampled_from(VOCABULARY), max_size=60).map(" ".join)


@given(texts, st.lists(st.tuples(texts, st.sampled_from("abc")), max_size=20), st.booleans())
def test_probabilities_sum_to_one(text: str, examples: list[tuple[str, str]], seeded: bool) -> None:
    classes = {name: (f"{name} parcel",) if seeded else () for name in "abc"}
    p = naive_bayes(text, examples, classes)
    assert sum(p.values()) == pytest.approx(1)
    assert all(0 <= value <= 1 for value in p.values())


def test_a_very_long_text_does_not_underflow() -> None:
    p = naive_bayes("parcel " * 20_000, (), {"a": ("parcel",), "b": ("card",)})
    assert p["a"] == pytest.approx(1)
