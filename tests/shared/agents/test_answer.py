"""A model's last text is the typed answer, or says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.agents.answer import Answer, Unreadable, read_answer

OUTCOMES = ("agrees", "differs")
GOOD: dict[str, Any] = {"summary": "It agrees.", "confidence": 0.5}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        "```json\n" + json.dumps(GOOD) + "\n```",
        "I think:\n" + json.dumps(GOOD) + "\nand {so on",
        json.dumps({**GOOD, "outcome": None, "draft": None, "concerns": [], "thoughts": "many"}),
    ],
)
def test_the_first_json_object_is_the_answer_whatever_stands_around_it(text: str) -> None:
    assert read_answer(text, OUTCOMES) == Answer(summary="It agrees.", confidence=0.5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no JSON object"),
        ("[1, 2]", "there is no JSON object"),
        ('{"summary": "It', "cannot be read"),
        ('{"summary": "a", "summary": "b", "confidence": 1}', "stands twice"),
        ('{"summary": "\\ud800", "confidence": 1}', "surrogate"),
        ('{"summary": "a", "confidence": NaN}', "NaN is not JSON"),
        ("{" * 10_000, "cannot be read"),
        (json.dumps({**GOOD, "confidence": 1.01}), "confidence: Input should be less than or equal to 1"),
        (json.dumps({**GOOD, "confidence": None}), "confidence: "),
        (json.dumps({**GOOD, "summary": " \u0000 "}), "summary: String should have at least 1 character"),
        (json.dumps({**GOOD, "summary": "x" * 2001}), "summary: "),
        (json.dumps({**GOOD, "concerns": ["x"] * 11}), "concerns: "),
        (json.dumps({**GOOD, "outcome": "approved"}), "outcome: must be null or one of agrees, differs"),
    ],
)
def test_anything_else_is_unreadable_and_says_why(text: str, problem: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_answer(text, OUTCOMES)
    assert problem in str(caught.value)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_raises_anything_but_unreadable(text: str) -> None:
    for said in (text, "{" + text, '{"summary": ' + json.dumps(text) + ', "confidence": 0.5}'):
        try:
            answer = read_answer(said, OUTCOMES)
        except Unreadable:
            continue
        assert "\x00" not in answer.summary
