"""Known texts are found as one expression with all of them would find them, the currencies of the locale included."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from shared.tools.claim_patterns import PERCENT
from shared.tools.fact_index import Wordings
from shared.tools.notation import BOUND, LETTERS, notation

#: What may not follow, for a locale with few signs: the one expression is compiled for each example.
SIGNS = rf"(?![0-9_{LETTERS}]|[.,'’-][0-9{LETTERS}]|\s?(?:{notation('en_US').currency}|{PERCENT}))"
PARTS = st.lists(st.sampled_from(["card", "5", "500", " ", " ", "kg", "EUR", "$", "%", "-", ".", ","]), max_size=8)
TEXTS = st.lists(PARTS.map("".join).map(str.strip).filter(bool), min_size=1, max_size=4)
ENDS = re.compile(SIGNS)


def _one_by_one(texts: list[str], text: str) -> list[tuple[int, int]]:
    """The definition: at each place the longest known text that begins as a word there and may end where it does."""
    begins = re.compile(rf"{BOUND}(?<![\w-])")
    found, at = [], 0
    while at < len(text):
        fits = [one for one in sorted(texts, key=len, reverse=True)
                if text.startswith(one, at) and begins.match(text, at) and ENDS.match(text, at + len(one))]  # fmt: skip
        if fits:
            found.append((at, at + len(fits[0])))
        at = at + len(fits[0]) if fits else at + 1
    return found


@given(TEXTS, PARTS.map("".join))
@example(["card 5", "card 5 kg"], "card 5 kg EUR, card 5 EUR")
@example(["card 5", "card 5, kg"], "card 5, kg EUR")
@example(["5", "5-5"], "5-5-5 5$ 5")
def test_the_longest_known_text_that_may_end_there_is_found(texts: list[str], text: str) -> None:
    assert [match.span() for match in Wordings(texts, "en_US").finditer(text)] == _one_by_one(texts, text)
