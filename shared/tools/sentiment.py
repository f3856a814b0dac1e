"""How a text feels: VADER (Hutto and Gilbert, ICWSM 2014), with the names of things in tickets neutral."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from shared.tools.function_words import base_language
from shared.tools.words import tokens

# In a ticket these name things, they praise nothing: VADER calls "Please send me an invoice." +0.3182.
NEUTRAL = frozenset(["support", "help", "please", "care", "credit", "free", "share", "security", "value", "interest"])

#: The confidence of a sentiment that rests on one word of VADER's lexicon, and on nothing against it.
SURE = 0.5

# VADER's work grows with words x hits: a longer text is read at its beginning and its end, half at each.
READ_CHARACTERS = 20_000
READ_WORDS = 400


@dataclass(frozen=True)
class Sentiment:
    """`compound` is -1..1, None where nothing can be said; `pos` and `neg` are shares of the text, 0..1;
    `hits` are the lexicon words and emoji among the `words` read; `confidence` is 0..1."""

    compound: float | None
    pos: float
    neg: float
    hits: int
    words: int
    confidence: float


def score_text(text: str, language: str | None = "en") -> Sentiment:
    """The sentiment of a text in English; any other `language` (BCP 47), None, or no word at all: unknown.

    Give the language that `detect_language` found: a German text taken for English would look neutral.
    Confidence is hits/(hits + 1) x |pos - neg|/(pos + neg); with no hit words/(words + 1), as neutral.
    """
    count = sum(any(c.isalpha() for c in token) for token in tokens(_ends(text, READ_CHARACTERS)))
    if base_language(language) != "en" or not count:
        return Sentiment(None, 0.0, 0.0, 0, count, 0.0)
    scores, hits = _polarity(text)
    pos, neg = scores["pos"], scores["neg"]
    return Sentiment(scores["compound"], pos, neg, hits, count, _confidence(pos, neg, hits, count))


def doubt(text: str, language: str | None, score: Sentiment) -> str:
    """Why a sentiment is not known well enough to let a ticket pass; "" when it is."""
    if not text.strip():
        return "there is no message to score"
    # A text in no known language may still speak English ("Worst company ever!!!"), but that VADER's English lexicon
    # has none of its words proves nothing about it.
    if score.compound is None or (language is None and not score.hits):
        return f"the message cannot be scored: its language is {language or 'unknown'}"
    if score.confidence < SURE:
        return f"the words of the message do not agree (confidence {score.confidence:.2f})"
    return ""


def _ends(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2]} {text[-limit // 2 :]}"


def _confidence(pos: float, neg: float, hits: int, count: int) -> float:
    if not hits:
        return count / (count + 1)
    # Hits whose weights vanish ("bus stop") leave nothing to be sure of.
    return hits / (hits + 1) * abs(pos - neg) / (pos + neg) if pos + neg else 0.0


def _polarity(text: str) -> tuple[dict[str, float], int]:
    """VADER's scores of a text, and how many words of its lexicon they rest on."""
    from vaderSentiment.vaderSentiment import SentiText

    analyser, emoji = _analyser()
    items = _ends(text, READ_CHARACTERS).translate(emoji).split()
    if len(items) > READ_WORDS:
        items = items[: READ_WORDS // 2] + items[-READ_WORDS // 2 :]
    part = " ".join(items)
    hits = sum(word.lower() in analyser.lexicon for word in SentiText(part).words_and_emoticons)
    return analyser.polarity_scores(part), hits


@cache
def _analyser() -> tuple[Any, dict[int, str]]:
    """VADER with the neutral lexicon, and its names of emoji as a translation table.

    The package asks for `requests` but needs it in its demonstration only; it costs 0.04 s with its lexicon.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    for word in NEUTRAL:
        analyser.lexicon.pop(word, None)
    emoji = {ord(char): f" {name} " for char, name in analyser.emojis.items() if len(char) == 1}
    return analyser, emoji
