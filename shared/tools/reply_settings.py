"""A tenant's choices for replies, read from its document: its own snippets and phrases over ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from shared.errors import Invalid
from shared.tools.function_words import base_language
from shared.tools.leaks import Contacts
from shared.tools.reading import Fields, mapping
from shared.tools.references import IdTemplates
from shared.tools.replies import ReplySettings
from shared.tools.tables.reply_snippets import PHRASES, SNIPPETS, Phrases, Snippet

LONGEST = 2_000
PHRASE_NAMES = tuple(field.name for field in fields(Phrases))


def read_reply_settings(value: Mapping[str, object], ids: IdTemplates | None = None) -> ReplySettings:
    """From {locale?, snippets?, phrases?, allowed_hosts?, sender? {name, email}, phones?}.

    `snippets` are {language: [{id, category, text, questions?}]}: one with the id of ours takes its place, an empty
    text takes ours away. `phrases` are {language: {name: text}}; a language that we have no phrases for needs all of
    them. Raises Invalid naming the field.
    """
    data, start = Fields.of(value), ReplySettings()
    sender = data.maybe_object("sender")
    email = sender.maybe_text("email") if sender else None
    return ReplySettings(
        locale=data.maybe_text("locale") or start.locale,
        snippets=_snippets(Fields.of(value.get("snippets") or {}, "snippets")),
        phrases=_phrases(Fields.of(value.get("phrases") or {}, "phrases")),
        hosts=_texts(value.get("allowed_hosts"), "allowed_hosts"),
        sender=(sender.maybe_text("name") if sender else None) or "",
        shop=Contacts(emails=[email] if email else [], phones=_texts(value.get("phones"), "phones")),
        ids=ids or start.ids,
    )


def _snippets(own: Fields) -> dict[str, tuple[Snippet, ...]]:
    found = dict(SNIPPETS)
    for language in own.data:
        code = _language(language, "snippets")
        given = {snippet.id: snippet for snippet in _listed(own, language)}
        kept = [snippet for snippet in found.get(code, ()) if snippet.id not in given]
        found[code] = (*(snippet for snippet in given.values() if snippet.text), *kept)
    return found


def _listed(own: Fields, language: str) -> list[Snippet]:
    return [
        Snippet(
            id=each.text("id"),
            category=each.maybe_text("category") or "other",
            text=_short(each.maybe_text("text") or "", each.at("text")),
            questions=tuple(_texts(each.data.get("questions"), each.at("questions"))),
        )
        for each in own.objects(language)
    ]


def _phrases(own: Fields) -> dict[str, Phrases]:
    found = dict(PHRASES)
    for language in own.data:
        code, path = _language(language, "phrases"), f"phrases.{language}"
        given = {name: _short(text, f"{path}.{name}") for name, text in _named(own, language, path).items()}
        if code in found:
            found[code] = replace(found[code], **given)
        elif missing := [name for name in PHRASE_NAMES if name not in given]:
            raise Invalid.field(f"{path}.{missing[0]}", "is required: we have no phrases in this language")
        else:
            found[code] = Phrases(**given)
    return found


def _named(own: Fields, language: str, path: str) -> dict[str, str]:
    texts = mapping(own.data[language], path)
    for name, text in texts.items():
        if name not in PHRASE_NAMES:
            raise Invalid.field(f"{path}.{name}", f"must be one of {', '.join(PHRASE_NAMES)}")
        if not isinstance(text, str):
            raise Invalid.field(f"{path}.{name}", "must be text")
    return {name: str(text) for name, text in texts.items()}


def _language(tag: str, path: str) -> str:
    code = base_language(tag)
    if not code:
        raise Invalid.field(f"{path}.{tag}", "must be a language such as en")
    return code


def _short(text: str, path: str) -> str:
    if len(text) > LONGEST:
        raise Invalid.field(path, f"must have at most {LONGEST} characters")
    return text


def _texts(value: object, path: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise Invalid.field(path, "must be a list of texts")
    return list(value)
