"""Sentiment: VADER's numbers (vaderSentiment 3.3.2 without the neutral words) and what is not known."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.sentiment import score_text

THIEVES = (
    "You are thieves and liars. I hate this terrible company, the product is broken garbage "
    "and your support is useless!!!"
)
WEDDING = "I am very angry. This is a disaster. I will never buy here again, you ruined my wedding!"


@pytest.mark.parametrize(
    ("text", "compound"),
    [
        (THIEVES, -0.9674),
        (WEDDING, -0.9019),
        ("Where is my order?", 0.0),
        ("The shoes are great", 0.6249),
        ("the courier was rude", -0.4588),
        ("the box was damaged", -0.4404),
        ("Great, it broke after one day. Just what I needed.", 0.3182),
        ("Please send me an invoice.", 0.0),
    ],
)
def test_the_texts_of_the_specification_score_as_it_says(text: str, compound: float) -> None:
    assert score_text(text).compound == compound


def test_confidence_grows_with_hits_and_falls_with_mixed_feelings() -> None:
    angry = score_text(THIEVES)
    assert (angry.hits, angry.confidence) == (6, pytest.approx(6 / 7))
    assert score_text("Where is my order?").confidence == pytest.approx(0.8)
    irony = score_text("Great, it broke after one day. Just what I needed.")
    assert irony.confidence == pytest.approx(0.125, abs=5e-4)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("😡😡😡", "en"),
        (":-( 12345 !!!", "en"),
        ("Das ist eine Katastrophe, ich bin sehr verärgert.", "de"),
        ("Where is my order?", None),
        ("Where is my order?", "xx"),
    ],
)
def test_what_cannot_be_read_is_unknown_and_never_neutral(text: str, language: str | None) -> None:
    found = score_text(text, language)
    assert (found.compound, found.confidence) == (None, 0.0)


def test_names_of_things_in_tickets_are_neutral() -> None:
    text = "Please help: customer support and care, credit, free share, security, value, interest"
    assert score_text(text).hits == 0


def test_emoji_count_beside_words() -> None:
    assert score_text("My parcel 😡").compound == score_text("My parcel pouting face").compound
    assert score_text("My parcel 😢").hits == 1


def test_a_regional_tag_is_english_too() -> None:
    assert score_text("The shoes are great", "en-GB").compound == 0.6249


def test_hits_without_weight_leave_nothing_to_be_sure_of() -> None:
    """ "bus stop" is neutral to VADER although "stop" is in its lexicon."""
    found = score_text("At the new central bus stop")
    assert (found.compound, found.hits, found.confidence) == (0.0, 1, 0.0)


LOADED = ["great", "bad", "but", "no", "very", "not", "hate", "😡", "!", "kind", "of"]


@given(st.text() | st.lists(st.sampled_from(LOADED)).map(" ".join))
def test_every_number_keeps_its_bounds(text: str) -> None:
    found = score_text(text)
    assert found.compound is None or -1 <= found.compound <= 1
    assert 0 <= found.confidence < 1
    assert 0 <= found.pos <= 1
    assert 0 <= found.neg <= 1


@pytest.mark.parametrize("unit", ["no ", "I hate this but ", "😡", "a", "!", "hate! "])
def test_five_megabytes_are_read_at_both_ends(unit: str) -> None:
    score_text(unit * (5_000_000 // len(unit)))


def test_a_long_calm_text_still_shows_the_anger_at_its_end() -> None:
    compound = score_text("The parcel is blue. " * 5_000 + THIEVES).compound
    assert compound is not None
    assert compound < -0.9


def test_scoring_needs_no_http_client() -> None:
    code = "import sys; from shared.tools.sentiment import *; score_text('x'); print('requests' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
