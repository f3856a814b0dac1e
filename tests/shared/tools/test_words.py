"""Words: what is kept of a text, and how alike two texts are."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import snowballstemmer
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.function_words import base_language, function_words, listed_words
from shared.tools.words import jaccard, shingles, stem, stems, tokens, words

sets = st.frozensets(st.integers(0, 20))
ENDINGS = ("", "e", "en", "est", "et", "te", "ten", "test", "tet", "ung", "ungen", "er", "ern", "isch", "lich", "keit")


def test_tokens_are_words_and_numbers_folded_with_apostrophes_kept() -> None:
    assert tokens("Don’t ship ORDER-1042, ｐｌｅａｓｅ; l'été_2026!") == (
        "don't", "ship", "order", "1042", "please", "l'été", "2026",
    )  # fmt: skip


def test_words_leave_out_function_words_and_stem_the_rest() -> None:
    assert words("Can I change the delivery addresses?") == ("chang", "deliveri", "address")


def test_words_of_what_a_ticket_is_about_stay_in() -> None:
    """The library's English list holds "order"; ours must not."""
    assert "order" in listed_words("en")
    assert words("Where is my order 1042?") == ("order", "1042")


def test_english_function_words_are_all_on_the_librarys_far_longer_list() -> None:
    plain = {word for word in function_words("en") if "'" not in word}
    assert plain <= listed_words("en")
    assert {"the", "of", "don't", "we'll", "herself", "against"} <= function_words("en-GB")


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Wo sind meine Bestellungen?", "de", ("bestell",)),
        ("Wo sind meine Bestellungen?", "de-AT", ("bestell",)),
        ("Wo sind meine Bestellungen?", None, ("wo", "sind", "meine", "bestellungen")),
        ("nukuʻalofa pehe", "to", ("nukuʻalofa", "pehe")),
    ],
)
def test_another_language_is_stemmed_and_cut_by_its_own_lists(
    text: str, language: str | None, expected: tuple[str, ...]
) -> None:
    assert words(text, language) == expected


def test_stems_keep_function_words() -> None:
    assert stems("the links of passwords") == ("the", "link", "of", "password")


@pytest.mark.parametrize(("tag", "code"), [("de_DE", "de"), ("pt-BR", "pt"), ("no", "nb"), ("", None), (None, None)])
def test_a_language_tag_is_read_to_its_base(tag: str | None, code: str | None) -> None:
    assert base_language(tag) == code


def test_shingles_are_runs_of_four() -> None:
    assert shingles(("a", "rose", "is", "a", "rose", "is", "a", "rose")) == {
        ("a", "rose", "is", "a"),
        ("rose", "is", "a", "rose"),
        ("is", "a", "rose", "is"),
    }  # the example of Introduction to Information Retrieval, 19.6


@pytest.mark.parametrize(("items", "expected"), [((), set()), (("a", "b"), {("a", "b")})])
def test_short_texts_make_one_shingle_or_none(items: tuple[str, ...], expected: set[tuple[str, ...]]) -> None:
    assert shingles(items) == expected


@given(sets, sets)
def test_the_jaccard_coefficient_is_symmetric_and_between_0_and_1(a: frozenset[int], b: frozenset[int]) -> None:
    assert jaccard(a, b) == jaccard(b, a)
    assert 0 <= jaccard(a, b) <= 1
    assert (jaccard(a, b) == 1) == (a == b != frozenset())


@given(sets, sets)
def test_the_jaccard_coefficient_counts_shared_against_all(a: frozenset[int], b: frozenset[int]) -> None:
    assert jaccard(a, b) * len(a | b) == pytest.approx(len([x for x in a if x in b]))


def test_threads_at_once_stem_as_one_does_alone() -> None:
    """A Snowball stemmer keeps the word that it is at; a process may read several texts at once."""
    language = "de"
    many = [f"{start}{end}" for start in ("bestell", "liefer", "rechn", "wander") for end in ENDINGS]
    alone = snowballstemmer.stemmer("german").stemWords(many)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(20):
                stem.cache_clear()
                found = list(pool.map(lambda _: [stem(word, language) for word in many], range(8)))
                assert found == [alone] * 8
    finally:
        sys.setswitchinterval(before)
        stem.cache_clear()
