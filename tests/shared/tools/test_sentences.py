"""Sentences of messages as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("My order is late. where is it?", ("My order is late.", "where is it?")),
        ('OK!!! "Why?" he said.', ("OK!!!", '"Why?"', "he said.")),
        ("I paid 4.90 EUR. Why?", ("I paid 4.90 EUR.", "Why?")),
        ("Dr. Smith ordered e.g. shoes, order no. 5. I said no. Bye", (
            "Dr. Smith ordered e.g. shoes, order no. 5.", "I said no.", "Bye",
        )),
        ("Am 14. Dezember kam nichts. Wann denn?", ("Am 14. Dezember kam nichts.", "Wann denn?")),
        ("注文はどこですか？来ない。", ("注文はどこですか？", "来ない。")),
        ("Hi\nmy order is late\nhelp", ("Hi", "my order is late", "help")),
        ("See www.shop.example/a.b?c=d now", ("See www.shop.example/a.b?c=d now",)),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: tuple[str, ...]) -> None:
    assert sentences(text) == expected


def test_lines_wrapped_by_a_mail_program_are_joined_and_list_items_are_not() -> None:
    text = "I have been waiting for my order for more than three weeks\nnow. These are late:\n- shoes\n- 2 hats"
    assert sentences(text) == (
        "I have been waiting for my order for more than three weeks now.",
        "These are late:", "- shoes", "- 2 hats",
    )  # fmt: skip


@given(st.text())
def test_no_letter_is_lost_or_made_up(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("unit", ["a" * 60 + "\n", ". ", ".", "!?", "\n", "dr. "])
def test_a_long_text_is_read_to_its_end(unit: str) -> None:
    sentences(unit * (500_000 // len(unit)))
