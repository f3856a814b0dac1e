"""Flesch reading ease of an English text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.errors import Invalid
from shared.tools.sentences import sentences

# Under this a text reads worse than plain English (Flesch 1948: 60 to 70 is standard).
PLAIN = 60.0

_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*|\d[\d.,:/]*")
_GROUP = re.compile("[aeiouy]+")
_SILENT = (
    re.compile("(?<=[^aeiouy])(?<![^aeiouylr]l)e$"),
    re.compile("(?<=[^aeiouysxzcg])(?<![cs]h)(?<![^aeiouylr]l)es$"),
    re.compile("(?<=[^aeiouytd])ed$"),
)
_APART = re.compile("(?<![cstgq])i(?=[aou])|(?<![cst])ie(?=t|rs?$|nt|nce)|e[ao]$|(?<![gq])ua(?=[lt])|(?<=[aeiouy])ing$")
EXCEPTIONS = {
    "business": 2, "every": 2, "everything": 3, "everyone": 3, "evening": 2, "ninety": 2, "warehouse": 2,
    "warehouses": 3, "create": 2, "created": 3, "creation": 3, "museum": 3, "reality": 4, "sea": 1, "tea": 1,
    "area": 3, "areas": 3, "being": 2, "something": 2, "sometimes": 2, "theatre": 3, "react": 2, "science": 2,
    "replacement": 3, "replacements": 3, "statement": 2, "wednesday": 2, "january": 4, "february": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Readability:
    """Counts of a text and its reading ease; None when it has no word."""

    words: int
    sentences: int
    syllables: int
    ease: float | None

    @property
    def plain(self) -> bool:
        """Whether it reads as plain English; a text without words does."""
        return self.ease is None or self.ease >= PLAIN


def flesch_reading_ease(words: int, sentence_count: int, syllables: int) -> float:
    """206.835 - 1.015 words/sentences - 84.6 syllables/words (Flesch, J. Applied Psychology 32, 1948).

    Raises Invalid for counts below 1.
    """
    if min(words, sentence_count, syllables) < 1:
        raise Invalid.field("words, sentences, syllables", "must each be at least 1")
    return 206.835 - 1.015 * words / sentence_count - 84.6 * syllables / words


def readability(text: str) -> Readability:
    """The reading ease of an English text. A number counts as a word of one syllable."""
    found = _WORD.findall(text)
    syllables = sum(count_syllables(word) for word in found)
    parts = sum(1 for sentence in sentences(text) if _WORD.search(sentence))
    ease = flesch_reading_ease(len(found), parts, syllables) if found else None
    return Readability(len(found), parts, syllables, ease)


def count_syllables(word: str) -> int:
    """The syllables of an English word by its spelling, at least 1.

    1. Each group of vowels counts one; y is a vowel.
    2. A final e after a consonant is silent ("made"), but for -le after a consonant ("table"). So is the e of -es and
       -ed ("makes", "shipped"), but where it is heard: after s, x, z, c, g, ch, sh ("boxes") and t, d ("needed").
    3. Vowels spoken apart count one more: i before a, o, u ("via", not "station"), ie in -ier, -iet, -ient, -ience
       ("carrier", not "patient"), a final ea or eo ("idea", "video"), ua before l or t ("usual"), -ing after a vowel.
    4. A few common words that go by no rule are listed.
    """
    letters = re.sub("[^a-z]", "", re.split("['’]", word.casefold())[0])
    if letters in EXCEPTIONS:
        return EXCEPTIONS[letters]
    silent = any(pattern.search(letters) for pattern in _SILENT)
    return max(1, len(_GROUP.findall(letters)) - silent + len(_APART.findall(letters)))
