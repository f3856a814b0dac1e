"""Full-text search over a few hundred short texts: Okapi BM25."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

from shared.errors import Invalid
from shared.tools.words import stems

# Usual values: how soon repeating a word stops to count, and how much a long text is marked down.
K1 = 1.2
B = 0.75


@dataclass(frozen=True)
class Found:
    """One text and its score, >= 0; 0 means that no word of the query is in it."""

    id: str
    score: float


def search_texts(
    query: str, texts: Mapping[str, str], k: int | None = None, language: str | None = "en"
) -> tuple[Found, ...]:
    """The `k` best (None: all) of `texts` (id -> text) for a query, best first, ties in the order given.

    BM25: Introduction to Information Retrieval (2008), 11.4.3; Robertson and Zaragoza (2009), with
    idf = ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative. Words are stems; function words stay in,
    their idf is low. Raises Invalid for k < 1.
    """
    if k is not None and k < 1:
        raise Invalid.field("k", "must be at least 1")
    counted = {name: Counter(stems(text, language)) for name, text in texts.items()}
    mean = sum(counts.total() for counts in counted.values()) / len(counted) if counted else 0.0
    idf = _idf(set(stems(query, language)), counted.values())
    found = [Found(name, _score(idf, counts, mean)) for name, counts in counted.items()]
    return tuple(sorted(found, key=lambda one: -one.score)[:k])


def _idf(query: Iterable[str], texts: Iterable[Counter[str]]) -> dict[str, float]:
    held = list(texts)
    number = {word: sum(word in counts for counts in held) for word in query}
    return {word: log(1 + (len(held) - n + 0.5) / (n + 0.5)) for word, n in sorted(number.items())}


def _score(idf: Mapping[str, float], counts: Counter[str], mean: float) -> float:
    norm = K1 * (1 - B + B * counts.total() / mean) if mean else K1
    return sum(weight * counts[word] * (K1 + 1) / (counts[word] + norm) for word, weight in idf.items())
