"""Multinomial naive Bayes with add-one smoothing over the words of short texts.

Manning, Raghavan, Schuetze, Introduction to Information Retrieval (2008), section 13.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log

from shared.errors import Invalid
from shared.tools.words import words

Classes = Mapping[str, Sequence[str]]
"""Each class with its seed phrases; the phrases of a class count together as one example."""


@dataclass(frozen=True)
class Model:
    """What was counted: examples and words of each class, and all words ever seen."""

    examples: Mapping[str, int]
    counts: Mapping[str, Counter[str]]
    vocabulary: frozenset[str]
    language: str | None

    def joint(self, text: str) -> dict[str, float]:
        """The natural log of P(class) x product of P(word | class); words never seen are ignored.

        -inf for a class that has no example; without any example all classes are alike.
        """
        seen = Counter(word for word in words(text, self.language) if word in self.vocabulary)
        return {name: self._prior(name) + self._likelihood(name, seen) for name in self.counts}

    def probabilities(self, text: str) -> dict[str, float]:
        """P(class | text) for each class; they sum to 1."""
        scores = self.joint(text)
        top = max(scores.values())
        weights = {name: exp(score - top) for name, score in scores.items()}
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()}

    def known_words(self, text: str) -> int:
        """How many words of a text the model has ever seen: with none, only the priors speak."""
        return sum(word in self.vocabulary for word in words(text, self.language))

    def _prior(self, name: str) -> float:
        total = sum(self.examples.values())
        if not total:
            return -log(len(self.counts))
        return log(self.examples[name] / total) if self.examples[name] else -inf

    def _likelihood(self, name: str, seen: Counter[str]) -> float:
        counts = self.counts[name]
        size = counts.total() + len(self.vocabulary)
        return sum(n * log((counts[word] + 1) / size) for word, n in seen.items())


def train(examples: Iterable[tuple[str, str]], classes: Classes, language: str | None = "en") -> Model:
    """Count `examples`, pairs of a text and its class, on top of the seed phrases.

    Raises Invalid when there is no class, or an example's class is none of `classes`.
    """
    if not classes:
        raise Invalid.field("classes", "at least one is needed")
    number = {name: 1 if phrases else 0 for name, phrases in classes.items()}
    counts = {name: Counter(_words_of(phrases, language)) for name, phrases in classes.items()}
    for i, (text, name) in enumerate(examples):
        if name not in counts:
            raise Invalid.field(f"examples[{i}]", f"class {name!r} is none of {', '.join(classes)}")
        number[name] += 1
        counts[name].update(words(text, language))
    return Model(number, counts, frozenset().union(*counts.values()), language)


def _words_of(phrases: Sequence[str], language: str | None) -> list[str]:
    return [word for phrase in phrases for word in words(phrase, language)]


def naive_bayes(
    text: str, examples: Iterable[tuple[str, str]], classes: Classes, language: str | None = "en"
) -> dict[str, float]:
    """P(class | text) for each of `classes`, from `examples` (text, class) and the classes' seed phrases."""
    return train(examples, classes, language).probabilities(text)
