"""BM25 against numbers worked out by hand from the formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.search_texts import search_texts

ARTICLES = {
    "reset": "reset password link expired",
    "declined": "payment declined card error",
    "rules": "password rules and login",
}


def test_the_articles_of_the_specification_score_as_computed_by_hand() -> None:
    """All texts have four words, so a word counts its idf: ln(1 + 1.5/2.5) and ln(1 + 2.5/1.5)."""
    scores = {one.id: one.score for one in search_texts("password link", ARTICLES)}
    assert scores == pytest.approx({"reset": 1.4508, "declined": 0, "rules": 0.4700}, abs=5e-5)


def test_the_best_come_first_and_only_as_many_as_asked_for() -> None:
    assert [one.id for one in search_texts("password link", ARTICLES, k=2)] == ["reset", "rules"]


def test_inflected_words_meet() -> None:
    assert search_texts("expiring passwords", ARTICLES)[0].id == "reset"


def test_longer_texts_and_repeated_words_count_less() -> None:
    """tf 2 in 2 of 3 words on average 2: idf ln 1.2 x 2 x 2.2 / (2 + 1.2 x 0.25 + 1.2 x 0.75 x 3 / 2)."""
    found = search_texts("shoe", {"a": "shoe shoe box", "b": "shoe"})
    assert {one.id: one.score for one in found} == pytest.approx(
        {"a": 0.18232 * 4.4 / 3.65, "b": 0.18232 * 2.2 / 1.75}, abs=1e-5
    )


@pytest.mark.parametrize("texts", [{}, {"a": ""}, {"a": "", "b": "..."}])
def test_nothing_to_search_is_no_error(texts: dict[str, str]) -> None:
    assert all(one.score == 0 for one in search_texts("x", texts))


def test_an_empty_query_finds_nothing() -> None:
    assert all(one.score == 0 for one in search_texts("", ARTICLES))


def test_k_below_one_is_refused() -> None:
    with pytest.raises(Invalid, match="k: must be at least 1"):
        search_texts("x", ARTICLES, k=0)


some = st.lists(st.sampled_from(["order", "parcel", "card", "shoe", "the"]), max_size=12).map(" ".join)


@given(some, st.dictionaries(st.sampled_from("abcdef"), some))
def test_scores_are_never_negative_and_fall(query: str, texts: dict[str, str]) -> None:
    scores = [one.score for one in search_texts(query, texts)]
    assert scores == sorted(scores, reverse=True)
    assert all(score >= 0 for score in scores)
    assert len(scores) == len(texts)
