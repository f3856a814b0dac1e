"""Which language a text is in, told by its script and its function words. No model to load."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from shared.tools.function_words import base_language, function_words
from shared.tools.words import tokens

# Enough to tell a language; a longer text says the same again.
READ = 20_000

# The blocks of letters (first and last code point) that tell a script.
SCRIPTS: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x024F, "Latin"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0590, 0x05FF, "Hebrew"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0A80, 0x0AFF, "Gujarati"),
    (0x3040, 0x30FF, "Kana"),
    (0x4E00, 0x9FFF, "Han"),
    (0xAC00, 0xD7AF, "Hangul"),
)
BY_SCRIPT: dict[str, tuple[str, ...]] = {
    "Latin": (
        "ca", "cs", "da", "nl", "en", "fi", "fr", "de", "hu", "id", "it", "ms", "nb", "pl", "pt", "ro", "sk",
        "es", "sv", "tr", "vi",
    ),
    "Cyrillic": ("bg", "ru", "uk"),
    "Arabic": ("ar", "fa"),
}  # fmt: skip
# Scripts that only one of the 33 languages uses; Han without the kana of Japanese is Chinese.
ALONE = {
    "Greek": "el", "Gujarati": "gu", "Kana": "ja", "Han": "zh", "Hangul": "ko", "Hebrew": "he",
    "Devanagari": "hi",
}  # fmt: skip


@dataclass(frozen=True)
class Language:
    """`language` is an ISO 639-1 code or None (not known); `hits` of the `words` read speak for it."""

    language: str | None
    hits: int
    words: int


def detect_language(text: str, hint: str | None = None) -> Language:
    """The language whose function words (33 languages, see function_words) make up most of the text.

    It takes at least 2 hits and one more than the runner-up. Else it is `hint` (a BCP 47 tag, the customer's
    locale) with 0 hits, if that language is written in the script of the text; else None.
    """
    part = text[:READ]
    found = tokens(part)
    script = _script(part)
    if script in ALONE:
        return Language(ALONE[script], len(found), len(found))
    candidates = BY_SCRIPT.get(script or "", ())
    hits = Counter(code for token in found for code in _speakers().get(token, ()) if code in candidates)
    ranked = [*hits.most_common(2), ("", 0), ("", 0)]
    (best, most), (_, second) = ranked[0], ranked[1]
    if most >= 2 and most > second:
        return Language(best, most, len(found))
    fallback = base_language(hint)
    return Language(fallback if _writes(fallback, script) else None, 0, len(found))


def _script(text: str) -> str | None:
    """The script of most letters; with kana it is Japanese, which is written with Han as well."""
    counts: Counter[str] = Counter()
    for char, number in Counter(text).items():
        if char.isalpha():
            counts[_block(ord(char))] += number
    if counts["Kana"] and counts["Kana"] + counts["Han"] >= counts.total() / 2:
        return "Kana"
    return counts.most_common(1)[0][0] if counts else None


def _block(code: int) -> str:
    return next((name for first, last, name in SCRIPTS if first <= code <= last), "other")


def _writes(language: str | None, script: str | None) -> bool:
    if language is None or script is None:
        return language is not None
    others = {code for codes in BY_SCRIPT.values() for code in codes} | set(ALONE.values())
    return language in BY_SCRIPT.get(script, ()) or language not in others


@cache
def _speakers() -> dict[str, tuple[str, ...]]:
    """Each function word with the languages that use it; 0.02 s.

    English by its closed classes: the library's list holds "am", "um", "es", "de" and other tokens that would
    make English of German and Spanish.
    """
    speakers: dict[str, tuple[str, ...]] = {}
    for code in (code for codes in BY_SCRIPT.values() for code in codes):
        for word in function_words(code):
            speakers[word] = (*speakers.get(word, ()), code)
    return speakers
