"""The author's own words: markup, quoted mail and signatures go, and it is said what went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.html_text import has_markup, html_to_text
from shared.tools.message_text import CleanMessage, clean_message

FORWARDED = """Thanks, solved.

---------- Forwarded message ---------
From: Bob <b@shop.example>
Date: Mon, 14 Dec 2026 at 09:12
Subject: Order 1042
To: <anna@home.example>

Next you will hear of a lawsuit.
"""


def kinds(message: CleanMessage) -> list[str]:
    return [part.kind for part in message.dropped]


def test_a_forwarded_mail_is_told_from_what_its_sender_adds() -> None:
    clean = clean_message(FORWARDED)
    assert clean.text == "Thanks, solved."
    assert kinds(clean) == ["quote"]
    assert "lawsuit" in clean.dropped[0].text


@pytest.mark.parametrize(
    ("raw", "own"),
    [
        ("Solved\n\nOn Mon, 3 Dec 2026 at 10:00, Shop <s@x.example>\nwrote:\n\n> old\n> older\n", "Solved"),
        ("Das ist gut\n\nAm 03.12.2026 um 10:00 schrieb Shop <s@x.example>:\n\nalt\n", "Das ist gut"),
        ("Merci, c'est bon\n\nLe 3 déc. 2026, Shop <s@x.example> a écrit :\n> vieux", "Merci, c'est bon"),
        ("Hi\n\nBegin forwarded message:\n\nFrom: x\nTo: y\nSubject: z\n\nold", "Hi"),
        ("Done\n\n-----Original Message-----\nFrom: a\nSent: b\nTo: c\nSubject: d\n\nold", "Done"),
        ("> Did it arrive?\nNo!\n> Which colour?\nRed.", "No!\nRed."),
        ("On 3 Dec 2026 Shop wrote:\n> Did it arrive?\nNo!", "No!"),
    ],
)  # fmt: skip
def test_quoted_mail_goes_whatever_program_quoted_it(raw: str, own: str) -> None:
    assert clean_message(raw).text == own


def test_the_signature_goes_after_its_line() -> None:
    clean = clean_message("Where is it?\n-- \nAnna\nShop Ltd")
    assert clean.text == "Where is it?"
    assert kinds(clean) == ["signature"]


@pytest.mark.parametrize(
    "raw",
    [
        "Option A\n--\nOption B",  # RFC 3676 section 4.3: the signature line ends in a blank
        "a < b and <anna@x.example>, see <https://x.example/?a=b>",
        "Thanks, solved",
        "On the way home I wrote a letter: it was long",
    ],
)
def test_own_words_that_only_look_like_mail_furniture_stay(raw: str) -> None:
    assert clean_message(raw) == CleanMessage(raw)


def test_html_is_read_without_script_style_and_quotation() -> None:
    raw = (
        "<html><head><style>p{}</style></head><body><p>Where is&nbsp;<b>my order</b>?</p>"
        "<script>alert(1)</script><div>--</div>Anna<!-- hidden -->"
        "<blockquote>old <p>lawsuit</p></blockquote></body></html>"
    )
    clean = clean_message(raw)
    assert clean.text == "Where is my order?"
    assert kinds(clean) == ["markup", "quote", "signature"]


def test_decomposed_letters_are_composed() -> None:
    assert clean_message("Gro\u0308ße").text == "Größe"


@pytest.mark.parametrize("raw", ["> only quoted\n> lawsuit", "<img src=x>", "-- \nAnna"])
def test_where_nothing_is_left_the_raw_text_is_kept_and_said_so(raw: str) -> None:
    assert clean_message(raw) == CleanMessage(raw, kept_raw=True)


@pytest.mark.parametrize("raw", ["", " \n "])
def test_an_empty_message_is_empty(raw: str) -> None:
    assert clean_message(raw) == CleanMessage("")


@given(st.text())
def test_no_message_is_too_strange(raw: str) -> None:
    clean_message(raw)


HTML_BITS = [
    "<p>",
    "</p>",
    "<blockquote>",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<a b='",
    ">",
    "x",
    "&amp;",
    "\n",
    "<",
]


@given(st.lists(st.sampled_from(HTML_BITS)).map("".join))
def test_broken_html_is_read_without_a_crash(html: str) -> None:
    html_to_text(html)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<P class=x>", True), ("<br/>", True), ("<b@x.example>", False), ("1 < 2 > 0", False)],
)
def test_markup_is_told_from_angle_brackets(text: str, expected: bool) -> None:
    assert has_markup(text) is expected


BAD = ["On x", "On\n", "From: x\n", "\n", "> ", ">a\n", "<a ", "<a b='", "<a b='>", "<!--", "<p>", "<p <p>",
       "a:\n>b\n", "On wrote wrote ", "<blockquote>", "\u0301", "-- \n"]  # fmt: skip


@pytest.mark.parametrize("unit", BAD)
def test_five_megabytes_of_what_slows_patterns_take_little_time(unit: str) -> None:
    clean = clean_message(unit * (5_000_000 // len(unit)) + "<br>")
    assert clean.kept_raw or len(clean.text) <= 110_000
