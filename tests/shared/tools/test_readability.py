"""Flesch reading ease, and syllables by a rule that mostly agrees with the dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.readability import count_syllables, flesch_reading_ease, readability

# Syllables as English dictionaries give them.
DICTIONARY = {
    1: "the you are made makes shipped shoes size week days would their hour used through please free",
    2: "order refund parcel invoice address table boxes needed shipping station patient people going",
    3: "customer december carrier idea usual video warehouses replacement arriving guarantee delivered radio",
    4: "available delivery material variety experience february reality information",
}


def test_flesch_of_the_specification() -> None:
    assert flesch_reading_ease(100, 8, 140) == pytest.approx(75.71, abs=5e-3)


@pytest.mark.parametrize(
    ("word", "count"),
    [(word, count) for count, words in DICTIONARY.items() for word in words.split()],
)  # fmt: skip
def test_syllables_agree_with_the_dictionary(word: str, count: int) -> None:
    assert count_syllables(word) == count
    assert count_syllables(word.upper()) == count


def test_a_text_is_counted_by_words_sentences_and_syllables() -> None:
    found = readability("The cat sat on the mat. It was made of 12 boxes.")
    assert (found.words, found.sentences, found.syllables) == (12, 2, 13)
    assert found.ease == pytest.approx(206.835 - 1.015 * 6 - 84.6 * 13 / 12)
    assert found.plain


def test_long_words_in_long_sentences_are_reported() -> None:
    text = (
        "Notwithstanding contractual considerations, reimbursement eligibility determinations "
        "necessitate comprehensive documentation of international transportation irregularities."
    )
    assert not readability(text).plain


def test_nothing_to_read_has_no_ease_and_is_no_burden() -> None:
    found = readability("...")
    assert (found.ease, found.plain) == (None, True)


@pytest.mark.parametrize("counts", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_counts_below_one_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(Invalid, match="at least 1"):
        flesch_reading_ease(*counts)


@given(st.text())
def test_every_word_has_a_syllable(word: str) -> None:
    assert count_syllables(word) >= 1
