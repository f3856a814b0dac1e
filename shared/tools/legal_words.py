"""Words in a message that call for a human: refund, lawyer, lawsuit, fraud, scam, terrible.

What counts as such a word:
1. It stands as a whole word: no letter touches it. Digits, hyphens, underscores and apostrophes are edges
   ("refund-request", "_fraud_", "scam's"). Case, accents, full-width letters and invisible characters do
   not matter.
2. Inflections count: the plural and possessive, the verb's -s, -ed, -ing ("refunds", "refunded", "scamming").
3. So do derivations that say the same of a person or a deed: -er ("scammer"), -ly ("terribly") and the
   irregular ones listed here ("fraudulent").
4. What says that a thing can be done does not: a "refundable" fare, a "non-refundable" deposit are no threat.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from shared.errors import Invalid

LEGAL_WORDS = ("refund", "lawyer", "lawsuit", "fraud", "scam", "terrible")
IRREGULAR = {
    "fraud": ("fraudulent", "fraudulently", "fraudulence", "fraudster", "fraudsters"),
    "lawsuit": ("law suit", "law suits", "law-suit", "law-suits"),
}

# Enough to quote: a message that repeats one word a million times adds nothing.
MOST_QUOTED = 100

_CHUNK = 64
# Accents (after decomposition), the soft hyphen, zero-width characters and direction marks.
_UNSEEN = re.compile("[\u0300-\u036f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")


@dataclass(frozen=True)
class Match:
    """The `word` of the list, what was `found` for it as the message spells it, and at which character."""

    word: str
    found: str
    start: int


def legal_words(text: str, words: tuple[str, ...] = LEGAL_WORDS) -> tuple[Match, ...]:
    """Where `words` occur in `text`, in its order, at most 100 of them; () when none does.

    A tenant's own words are of the letters a to z, several parted by one blank, else Invalid.
    """
    plain = text.isascii()
    found = _matcher(words).find(text.lower() if plain else _fold(text))
    if plain or not found:
        return tuple(Match(word, text[start:end], start) for word, start, end in found)
    origin = _origins(text, [place for _, start, end in found for place in (start, end - 1)])
    return tuple(Match(w, text[origin[s] : origin[e - 1] + 1], origin[s]) for w, s, e in found)


@dataclass(frozen=True)
class _Matcher:
    stems: tuple[str, ...]
    pattern: re.Pattern[str]
    owners: dict[str, str]

    def find(self, folded: str) -> list[tuple[str, int, int]]:
        """Word, start and end of each match, in order. The pattern is tried only where a stem stands."""
        present = [stem for stem in self.stems if stem in folded]
        if not present:
            return []
        hits = {hit[1]: hit for stem in present for hit in islice(self._at(folded, stem), MOST_QUOTED)}
        return [hits[start] for start in sorted(hits)][:MOST_QUOTED]

    def _at(self, folded: str, stem: str) -> Iterator[tuple[str, int, int]]:
        start = folded.find(stem)
        while start >= 0:
            if hit := self.pattern.match(folded, start):
                yield self.owners[hit[0]], start, hit.end()
            start = folded.find(stem, start + 1)


@lru_cache(maxsize=256)
def _matcher(words: tuple[str, ...]) -> _Matcher:
    for i, word in enumerate(words):
        if not re.fullmatch("[A-Za-z]+(?: [A-Za-z]+)*", word):
            raise Invalid.field(f"words[{i}]", "must be of the letters a to z, words parted by one blank")
    owners = {form: word for word in words for form in _forms(word.lower())}
    alternatives = "|".join(sorted(map(re.escape, owners), key=len, reverse=True))
    stems = {_stem(word.lower()) for word in words}
    stems |= {form for form in owners if not any(form.startswith(stem) for stem in stems)}
    letter = r"[^\W\d_]"
    pattern = re.compile(rf"(?<!{letter})(?:{alternatives})(?!{letter})") if words else re.compile("(?!)")
    return _Matcher(tuple(sorted(stems)), pattern, owners)


def _stem(word: str) -> str:
    """What every regular form of a word begins with."""
    return word[:-1] if word[-1] in "ey" else word


def _forms(word: str) -> set[str]:
    """A word, its inflections by the rules of English spelling, and its derivations in -er and -ly."""
    stem = _stem(word)
    forms = {word, *IRREGULAR.get(word, ())}
    if word.endswith("e"):
        ly = f"{stem}y" if stem.endswith("l") else f"{word}ly"
        return forms | {f"{word}s", f"{word}d", f"{stem}ing", f"{word}r", f"{word}rs", ly}
    if re.search("[^aeiou]y$", word):
        return forms | {f"{stem}ies", f"{stem}ied", f"{word}ing", f"{stem}ier", f"{stem}iers", f"{stem}ily"}
    plural = f"{word}es" if re.search("(?:[sxz]|[cs]h)$", word) else f"{word}s"
    # A final consonant after one vowel may double: "scam" gives "scammed" (and, misspelt, "scamed").
    doubled = word + word[-1] if re.search("[^aeiou][aeiou][^aeiouwxy]$", word) else word
    endings = ("ed", "ing", "er", "ers")
    return forms | {plural, f"{word}ly"} | {base + ending for base in (word, doubled) for ending in endings}


def _fold(text: str) -> str:
    return _UNSEEN.sub("", unicodedata.normalize("NFKD", text)).lower()


def _origins(text: str, places: list[int]) -> dict[int, int]:
    """Which character of `text` stands at each of the ascending `places` of its folded form."""
    origins: dict[int, int] = {}
    waiting = iter(places)
    place, passed = next(waiting, None), 0
    for base in range(0, len(text), _CHUNK):
        part = text[base : base + _CHUNK]
        size = len(_fold(part))
        if place is not None and place < passed + size:
            index = [base + i for i, char in enumerate(part) for _ in _fold(char)]
            while place is not None and place < passed + size:
                origins[place] = index[place - passed]
                place = next(waiting, None)
        passed += size
    return origins
