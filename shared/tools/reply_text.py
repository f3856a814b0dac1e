"""Puts a reply together from approved snippets and facts: one paragraph for each thing asked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.errors import Invalid
from shared.tools.asks import Ask, content
from shared.tools.localised import format_day, format_money
from shared.tools.money import Money, money
from shared.tools.reading import Fields
from shared.tools.search_texts import search_texts
from shared.tools.tables.reply_snippets import Phrases, Snippet
from shared.tools.words import tokens

_KEY = re.compile(r"\{([a-z][a-z0-9_]{0,40})\}")
# A name as people write it; a dot only where an initial ends ("J. Smith").
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’,-]|\.(?= |$)){0,59}")


@dataclass(frozen=True)
class Assembled:
    """A reply; `matched` are the texts of facts that answer an ask, by its id; `used` the ids of the snippets."""

    subject: str
    body: str
    matched: Mapping[str, tuple[str, ...]]
    used: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """What stands around the answers: the phrases of a language, whom they address, and who signs."""

    phrases: Phrases
    name: str = ""
    sender: str = ""
    deadline: str = ""
    acknowledge: bool = False
    warm: bool = False


def written_facts(facts: Iterable[Mapping[str, object]], locale: str) -> dict[str, str]:
    """Each fact's key with its value as `locale` writes it; the first of a key counts, what is empty is left out.

    Dates, times, Money and {amount, currency} are written by CLDR, an ISO date as a date; other text and numbers as
    they are. Raises Invalid naming a fact that cannot be read.
    """
    written: dict[str, str] = {}
    for i, fact in enumerate(facts):
        fields = Fields.of(fact, f"facts[{i}]")
        text = _written(fields.data.get("value"), locale, fields.at("value"))
        if text:
            written.setdefault(fields.text("key"), text)
    return written


def assemble(
    asks: Sequence[Ask],
    facts: Mapping[str, str],
    snippets: Sequence[Snippet],
    frame: Frame,
    *,
    language: str | None = "en",
    message: str = "",
) -> Assembled:
    """Greeting, acknowledgement, one paragraph an ask, next step with its date, close.

    An ask gets the best snippet (BM25) whose facts are all known and that shares at least half of its words with
    the ask; an ask without one gets none: the reply never talks around what it does not know. A fact that the
    customer wrote in `message` answers nothing, so it is not among the `matched`.
    """
    usable = {one.id: _filled(one.text, facts) for one in snippets if set(_KEY.findall(one.text)) <= facts.keys()}
    by_id = {one.id: one for one in snippets}
    paragraphs: dict[str, str] = {}
    matched: dict[str, tuple[str, ...]] = {}
    for ask in asks:
        if best := _best(ask, usable, by_id, language):
            paragraphs[best] = usable[best]
            told = [facts[key] for key in _KEY.findall(by_id[best].text)]
            new = [text for text in told if not _says(message, text)]
            matched[ask.id] = tuple(new) or (usable[best],)
    return Assembled(_subject(facts, frame.phrases), _body(paragraphs.values(), frame), matched, tuple(paragraphs))


def check_snippets(snippets: Iterable[Snippet]) -> None:
    """Raises Invalid for a snippet whose braces are no simple placeholders, or whose id came before."""
    seen: set[str] = set()
    for snippet in snippets:
        if any(brace in _KEY.sub("", snippet.text) for brace in "{}"):
            raise Invalid.field(f"snippets.{snippet.id}", "may have only placeholders like {order_id}")
        if snippet.id in seen:
            raise Invalid.field(f"snippets.{snippet.id}", "stands twice")
        seen.add(snippet.id)


def _best(ask: Ask, usable: Mapping[str, str], by_id: Mapping[str, Snippet], language: str | None) -> str | None:
    texts = {id_: " ".join([text, *by_id[id_].questions]) for id_, text in usable.items()}
    about = content(ask.text, language)
    for found in search_texts(ask.text, texts, language=language):
        if found.score > 0 and 2 * len(about & content(texts[found.id], language)) >= len(about):
            return found.id
    return None


def _body(paragraphs: Iterable[str], frame: Frame) -> str:
    phrases = frame.phrases
    name = _NAME.fullmatch(frame.name.strip())
    parts = [
        _filled(phrases.greeting, {"name": name[0]}) if name else phrases.greeting_all,
        phrases.acknowledgement if frame.acknowledge else "",
        phrases.warm if frame.warm else "",
        *paragraphs,
        _filled(phrases.next_step, {"deadline": frame.deadline}) if frame.deadline else "",
        f"{phrases.close}\n{frame.sender}".strip(),
    ]
    return "\n\n".join(part for part in parts if part)


def _subject(facts: Mapping[str, str], phrases: Phrases) -> str:
    """Never the customer's own subject: it may hold anything."""
    return _filled(phrases.subject, facts) if "order_id" in facts else phrases.subject_plain


def _filled(text: str, facts: Mapping[str, str]) -> str:
    return _KEY.sub(lambda hole: facts.get(hole[1], ""), text)


def _says(message: str, text: str) -> bool:
    return f" {' '.join(tokens(text))} " in f" {' '.join(tokens(message))} "


def _written(value: object, locale: str, path: str) -> str:
    match value:
        case None | bool():
            return ""
        case Money():
            return format_money(value, locale)
        case dt.datetime():
            return format_day(value.date(), locale)
        case dt.date():
            return format_day(value, locale)
        case Mapping():
            fields = Fields.of(value, path)
            return format_money(money(fields.data.get("amount"), fields.text("currency"), field=path), locale)
        case str() if _is_day(value):
            return format_day(dt.date.fromisoformat(value), locale)
    return str(value).strip()


def _is_day(text: str) -> bool:
    try:
        return len(text) == len("2026-12-03") and str(dt.date.fromisoformat(text)) == text
    except ValueError:
        return False
