"""Finds cue phrases in a sentence, in any inflection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from shared.tools.words import stem, tokens

_GAP = "(?:[^ ]+ ){0,3}"


def spaced(sentence: str, language: str | None) -> str:
    """The stems of a sentence between single blanks, with one at each end: what `find_cue` searches."""
    return f" {' '.join(stem(token, language) for token in tokens(sentence))} "


def find_cue(stemmed: str, phrases: Sequence[str], language: str | None) -> re.Match[str] | None:
    """The first of `phrases` in `stemmed` (see `spaced`); "*" in a phrase stands for up to three words."""
    return _pattern(tuple(phrases), language).search(stemmed) if phrases else None


@lru_cache(maxsize=256)
def _pattern(phrases: tuple[str, ...], language: str | None) -> re.Pattern[str]:
    return re.compile(f" (?:{'|'.join(sorted({_phrase(p, language) for p in phrases}))})(?= )")


def _phrase(phrase: str, language: str | None) -> str:
    parts = [" ".join(re.escape(stem(t, language)) for t in tokens(part)) for part in phrase.split("*")]
    return f" {_GAP}".join(part for part in parts if part)
