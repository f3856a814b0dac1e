"""Words of a text and how alike two texts are: tokens, stems, shingles, the Jaccard coefficient."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Collection, Hashable, Sequence
from functools import cache, lru_cache

from shared.tools.function_words import base_language, function_words

_stemming = threading.Lock()

# A run of letters and digits; an apostrophe stays inside a word ("don't", "l'ordre").
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Names that the Snowball project gives its stemmers, by ISO 639-1 code.
STEMMERS = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish",
    "nl": "dutch", "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french",
    "de": "german", "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nb": "norwegian", "fa": "persian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish", "sv": "swedish",
    "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def tokens(text: str) -> tuple[str, ...]:
    """The words and numbers of a text in order, NFKC-normalised and casefolded, with straight apostrophes."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return tuple(_TOKEN.findall(folded))


def words(text: str, language: str | None = "en") -> tuple[str, ...]:
    """The stems of the words and numbers of a text in order, without the language's function words.

    `language` is a BCP 47 tag; with None or one without list or stemmer nothing is left out or stemmed.
    """
    omitted = function_words(language)
    return tuple(stem(token, language) for token in tokens(text) if token not in omitted)


def stems(text: str, language: str | None = "en") -> tuple[str, ...]:
    """As `words`, function words included."""
    return tuple(stem(token, language) for token in tokens(text))


@lru_cache(maxsize=20_000)
def stem(word: str, language: str | None = "en") -> str:
    """The Snowball stem of one casefolded word; the word itself where its language has no stemmer."""
    stemmer = _stemmer(base_language(language))
    return stemmer(word) if stemmer else word


@cache
def _stemmer(code: str | None) -> Callable[[str], str] | None:
    if code not in STEMMERS:
        return None
    import snowballstemmer  # 0.1 s: only where a text is really read

    stem_word: Callable[[str], str] = snowballstemmer.stemmer(STEMMERS[code]).stemWord

    def alone(word: str) -> str:
        with _stemming:  # a stemmer keeps the word that it is at
            return stem_word(word)

    return alone


def shingles(items: Sequence[str], k: int = 4) -> frozenset[tuple[str, ...]]:
    """All runs of `k` successive tokens; fewer tokens than `k` make one shingle, none make none.

    Manning, Raghavan, Schuetze, Introduction to Information Retrieval (2008), section 19.6.
    """
    if not items:
        return frozenset()
    return frozenset(tuple(items[i : i + k]) for i in range(max(1, len(items) - k + 1)))


def jaccard(a: Collection[Hashable], b: Collection[Hashable]) -> float:
    """|A and B| / |A or B|, 0..1; two empty collections are not alike: 0."""
    left, right = set(a), set(b)
    union = len(left | right)
    return len(left & right) / union if union else 0.0
