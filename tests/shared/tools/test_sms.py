from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.sms import GSM_BASIC, GSM_EXTENSION, Segments, sms_segments, sms_spaces


def test_the_tables_have_the_size_that_the_standard_gives() -> None:
    """128 codes less the escape, and ten characters of the extension table."""
    assert len(GSM_BASIC) == 127
    assert len(GSM_EXTENSION) == 10
    assert not GSM_BASIC & GSM_EXTENSION


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("Zamówienie 1042 wysłane", Segments("UCS-2", 23, 1)),
        ("Total 49,90 €", Segments("GSM-7", 14, 1)),
        ("ł" * 70, Segments("UCS-2", 70, 1)),
        ("ł" * 71, Segments("UCS-2", 71, 2)),
        ("ł" * 134, Segments("UCS-2", 134, 2)),
        ("ł" * 135, Segments("UCS-2", 135, 3)),
        ("", Segments("GSM-7", 0, 0)),
    ],
)
def test_the_numbers_of_the_role_page_and_of_the_limits(text: str, expected: Segments) -> None:
    assert sms_segments(text) == expected


def test_80_euro_signs_fill_one_message_and_81_do_not() -> None:
    assert sms_segments("€" * 80) == Segments("GSM-7", 160, 1)
    assert sms_segments("€" * 81) == Segments("GSM-7", 162, 2)


def test_an_escape_pair_is_not_cut_between_two_parts() -> None:
    """153 units a part: 152 letters leave one unit, into which the euro sign does not go."""
    assert sms_segments("a" * 152 + "€" + "a" * 152).segments == 3
    assert sms_segments("a" * 151 + "€" + "a" * 153).segments == 2


def test_an_emoji_counts_two_and_is_not_cut() -> None:
    assert sms_segments("😀" * 35) == Segments("UCS-2", 70, 1)
    assert sms_segments("😀" * 36) == Segments("UCS-2", 72, 2)
    assert sms_segments("😀" * 67).segments == 3  # 33 a part, not 33.5


def test_a_small_c_cedilla_is_not_in_the_alphabet_but_the_capital_is() -> None:
    assert sms_segments("ç").encoding == "UCS-2"
    assert sms_segments("Ç").encoding == "GSM-7"


def test_the_space_inside_a_french_amount_does_not_make_the_message_twice_as_long() -> None:
    assert sms_segments("Total 1\u202f234,50\u00a0€").encoding == "UCS-2"
    assert sms_segments(sms_spaces("Total 1\u202f234,50\u00a0€")) == Segments("GSM-7", 17, 1)


alphabets = st.one_of(
    st.text(st.sampled_from(sorted(GSM_BASIC | GSM_EXTENSION)), max_size=700),
    st.text(max_size=400),
)


@given(alphabets)
def test_the_parts_are_enough_and_at_most_what_whole_characters_waste(text: str) -> None:
    found = sms_segments(text)
    alone, part = (160, 153) if found.encoding == "GSM-7" else (70, 67)
    if found.encoding == "UCS-2":
        assert found.units == len(text.encode("utf-16-be", "surrogatepass")) // 2
    if found.units <= alone:
        assert found.segments == (1 if text else 0)
    else:
        assert math.ceil(found.units / part) <= found.segments <= math.ceil(found.units / (part - 1))


@given(alphabets, st.text(max_size=3))
def test_a_longer_text_never_takes_fewer_parts(text: str, more: str) -> None:
    assert sms_segments(text + more).segments >= sms_segments(text).segments
