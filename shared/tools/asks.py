"""What a message asks for, and whether a reply answers it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.tools.function_words import base_language
from shared.tools.sentences import sentences
from shared.tools.words import stem, tokens, words

MOST = 20
LONGEST_ASK = 1_000
# Questions stand at the beginning or the end of a long message, half of this at each.
READ = 20_000

_AUXILIARY = (
    r"(?:am|is|are|was|were|do|does|did|can|could|will|would|shall|should|may|might|must|have|has|had"
    r"|isn't|aren't|doesn't|don't|didn't|can't|couldn't|won't|wouldn't|haven't|hasn't)"
)
_SUBJECT = r"(?:i|you|we|they|he|she|it|there|this|that|these|those|the|my|your|our|their|any|anyone|anybody|someone)"
_INVERTED = rf"{_AUXILIARY} {_SUBJECT}\b|(?:where|when|why|who|which|what|how)(?:'s\b| (?:\w+ )?{_AUXILIARY}\b)"
_LEAD = r"^(?:(?:and|or|but|so|also|hi|hello|ok|okay|well|now|then),? )*"

# How a language opens a question without its mark, and how it asks for something.
QUESTION = {"en": re.compile(rf"{_LEAD}(?:{_INVERTED})")}
REQUEST = {
    "en": re.compile(
        r"\bplease\b|\b(?:could|can|would|will) you\b|\bi(?:'d| would) like\b(?! to (?:thank|say))"
        r"|\b(?:i|we) (?:want|need|wish|require|request|demand|expect)\b(?! to (?:thank|say))|\blet me know\b"
    ),
    "de": re.compile(
        r"\bbitte\b|\b(?:können|könnten|würden) sie\b|\bkönnt ihr\b|\bkannst du\b"
        r"|\b(?:ich|wir) (?:möchten?|wollen|will|brauchen?|benötigen?|hätten? gerne?|erwarten?|verlangen?)\b"
    ),
    "fr": re.compile(r"s'il vous pla[iî]t|\bpou(?:v|rri)ez-vous\b|\bje (?:veux|voudrais|souhaite)\b|\bmerci de\b"),
    "es": re.compile(r"\bpor favor\b|\b(?:puede|podría|pueden|podrían)\b|\b(?:quiero|quisiera|necesito|me gustaría)\b"),
    "pl": re.compile(r"\bproszę\b|\b(?:chcę|chciałbym|chciałabym|potrzebuję)\b"),
}  # fmt: skip
_MARKS = "?？؟"
_LINK = re.compile(r"\w+://\S+|www\.\S+")
# "Where is my order and can I change the address?" asks twice.
_SECOND_ASK = re.compile(rf"[,;]? (?:and|or|but|also) (?={_INVERTED}|please\b|could you\b)", re.IGNORECASE)

# Words of politeness say nothing of what is asked.
POLITE = frozenset(["please", "thank", "thanks", "hello", "hi", "dear", "kindly", "bitte", "danke", "hallo", "merci"])


@dataclass(frozen=True)
class Ask:
    """One question or request, in the customer's words; `id` is "ask-1" and so on."""

    id: str
    text: str


@dataclass(frozen=True)
class Coverage:
    """Which asks a reply answers, by id, and their share, 0..1 (1 when nothing was asked)."""

    answered: tuple[str, ...]
    unanswered: tuple[str, ...]
    share: float


def extract_asks(text: str, language: str | None = "en") -> tuple[Ask, ...]:
    """Sentences with a question mark, an inverted auxiliary or a request, in order, each once, at most 20."""
    code = base_language(language)
    part = text if len(text) <= READ else f"{text[: READ // 2]}\n\n{text[-READ // 2 :]}"
    said = (clause for sentence in sentences(part) for clause in _clauses(sentence, code))
    asked = dict.fromkeys(clause for clause in said if _asks(clause, code) and content(clause, code))
    return tuple(Ask(f"ask-{n}", clause) for n, clause in enumerate(list(asked)[:MOST], 1))


def asks_of(text: str, language: str | None = "en") -> tuple[Ask, ...]:
    """As `extract_asks`; a text that asks nothing in so many words ("My parcel has not arrived.") is one ask as a
    whole, unless it says nothing."""
    asks = extract_asks(text, language)
    if asks or not content(text[:READ], base_language(language)):
        return asks
    return (Ask("ask-1", " ".join(text[:LONGEST_ASK].split())),)


def content(text: str, language: str | None = "en") -> frozenset[str]:
    """The stems of what a sentence is about: neither function words nor politeness."""
    return frozenset(words(text, language)) - {stem(word, language) for word in POLITE}


def ask_coverage(
    asks: Iterable[Ask],
    reply: str,
    matched: Mapping[str, Collection[str]] | None = None,
    language: str | None = "en",
) -> Coverage:
    """Which asks `reply` answers: a sentence of it that is no question holds at least half of an ask's words, or the
    reply holds one of the texts `matched` to the ask (a fact's value as written)."""
    said = [content(s, language) for s in sentences(reply) if not _is_question(s)]
    flat = f" {' '.join(tokens(reply))} "
    answered: list[str] = []
    unanswered: list[str] = []
    for ask in asks:
        about = content(ask.text, language)
        facts = (matched or {}).get(ask.id, ())
        by_words = any(2 * len(about & sentence) >= len(about) for sentence in said) if about else False
        by_fact = any(f" {' '.join(tokens(value))} " in flat for value in facts if tokens(value))
        (answered if by_words or by_fact else unanswered).append(ask.id)
    total = len(answered) + len(unanswered)
    return Coverage(tuple(answered), tuple(unanswered), len(answered) / total if total else 1.0)


def _clauses(sentence: str, language: str | None) -> Iterator[str]:
    parts = _SECOND_ASK.split(sentence) if language == "en" else [sentence]
    yield from (part.strip() for part in parts)


def _asks(clause: str, language: str | None) -> bool:
    if _is_question(clause):
        return True
    folded = clause.casefold().replace("’", "'")
    question, request = QUESTION.get(language or ""), REQUEST.get(language or "")
    return bool((question and question.search(folded)) or (request and request.search(folded)))


def _is_question(sentence: str) -> bool:
    return any(mark in _LINK.sub("", sentence) for mark in _MARKS)
