"""Legal words: whole words with their inflections, in whatever dress a message puts them."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.legal_words import LEGAL_WORDS, MOST_QUOTED, Match, legal_words


def named(text: str) -> list[str]:
    return [match.word for match in legal_words(text)]


@pytest.mark.parametrize("word", LEGAL_WORDS)
@pytest.mark.parametrize(
    "shape",
    ["{}", "I said {}.", "({})", '"{}"', "a-{}-b", "_{}_", "{}!!!", "x/{}?y", "1{}2", "{}'s", "\n{}\n"],
)
def test_a_legal_word_counts_wherever_it_stands_alone(word: str, shape: str) -> None:
    assert named(shape.format(word)) == [word]
    assert named(shape.format(word.upper())) == [word]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("refunds", "refund"), ("refunded", "refund"), ("refunding", "refund"), ("a refund's fate", "refund"),
        ("lawyers", "lawyer"), ("my lawyers’ letter", "lawyer"),
        ("lawsuits", "lawsuit"), ("a law suit", "lawsuit"),
        ("frauds", "fraud"), ("fraudulent", "fraud"), ("fraudsters", "fraud"),
        ("scams", "scam"), ("scammed", "scam"), ("scamming", "scam"), ("scammers", "scam"),
        ("terribly", "terrible"),
    ],
)  # fmt: skip
def test_inflections_and_words_for_the_same_deed_count(text: str, word: str) -> None:
    assert named(text) == [word]


@pytest.mark.parametrize(
    "text",
    ["refundable", "a non-refundable deposit", "nonrefundable", "REFUNDABLE", "refundability", "scamper",
     "scampi", "defrauded", "terrier", "Lawyerville", "flaw suite", "", "   ", "Erstattung"],
)  # fmt: skip
def test_other_words_that_hold_the_letters_do_not_count(text: str) -> None:
    assert legal_words(text) == ()


@pytest.mark.parametrize(
    ("text", "found", "start"),
    [
        ("ｒｅｆｕｎｄ now", "ｒｅｆｕｎｄ", 0),
        ("das ist ein Réfünd", "Réfünd", 12),
        ("Größe: re\u00adfund", "re\u00adfund", 7),
        ("ﬁne. REFUND", "REFUND", 5),
        ("é re\u200bfund", "re\u200bfund", 2),
    ],
)
def test_what_was_found_is_quoted_as_the_message_spells_it(text: str, found: str, start: int) -> None:
    assert legal_words(text) == (Match("refund", found, start),)


def test_matches_come_in_the_order_of_the_text() -> None:
    assert named("Your fraud will meet my lawyer; a refund, or a lawsuit.") == [
        "fraud",
        "lawyer",
        "refund",
        "lawsuit",
    ]


def test_a_tenant_adds_words_of_its_own_with_their_inflections() -> None:
    words = (*LEGAL_WORDS, "sue", "small claims", "penalty")
    found = [match.word for match in legal_words("Suing you in Small Claims; penalties. We sued.", words)]
    assert found == ["sue", "small claims", "penalty", "sue"]


@pytest.mark.parametrize("word", ["", "re.und", "a  b", "Klage§", "two\nlines"])
def test_a_word_that_is_no_word_is_refused_by_name(word: str) -> None:
    with pytest.raises(Invalid, match=r"words\[1\]"):
        legal_words("x", ("refund", word))


def test_no_words_match_nothing() -> None:
    assert legal_words("refund", ()) == ()


@given(st.text())
def test_any_text_is_read_without_a_crash_and_quoted_from_itself(text: str) -> None:
    for match in legal_words(text):
        assert text[match.start :].startswith(match.found)


edges = st.text(st.characters(exclude_categories=("L", "M", "Cf", "Cs")), max_size=20)
fillers = st.text(max_size=200)


@given(fillers, edges.filter(bool), st.sampled_from(LEGAL_WORDS), edges.filter(bool), fillers, st.booleans())
def test_every_planted_whole_word_is_found(a: str, b: str, word: str, c: str, d: str, wide: bool) -> None:
    # A sign that decomposes into letters ("№" into "No") is no edge.
    if any(ch.isalpha() for ch in unicodedata.normalize("NFKD", b[-1] + c[0])):
        b, c = f"{b} ", f" {c}"
    planted = "".join(chr(ord(ch) + 0xFEE0) for ch in word) if wide else word
    text = f"{a}{b}{planted}{c}{d}"
    assert Match(word, planted, len(a) + len(b)) in legal_words(text)


@pytest.mark.parametrize("unit", ["refund ", "refundable ", "réfundable ", "e\u0301", "law su", "é"])
def test_five_megabytes_cost_time_in_proportion(unit: str) -> None:
    text = unit * (5_000_000 // len(unit))
    assert len(legal_words(text)) in (0, MOST_QUOTED)


def test_the_module_needs_the_standard_library_only() -> None:
    code = "import sys, shared.tools.legal_words; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & {
        "vaderSentiment",
        "snowballstemmer",
        "stop_words",
        "mailparser_reply",
        "pydantic",
    }
