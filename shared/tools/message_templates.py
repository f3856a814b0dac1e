"""The wordings of order messages: the product's, and a tenant's that go before them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Invalid
from shared.tools.localised import locale_name
from shared.tools.order_facts import FACT_KINDS, MESSAGE_KINDS
from shared.tools.reading import Fields

PRODUCT_TEMPLATES = Path(__file__).parent / "templates" / "order_messages.yaml"
PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:#([a-z]+))?\}")


@dataclass(frozen=True)
class Paragraph:
    """Wordings of one thing, the first of which with all its facts known is taken.

    With `condition`, only when that fact is true.
    """

    wordings: tuple[str, ...]
    condition: str | None = None


@dataclass(frozen=True)
class Template:
    """One message: subject and body of an e-mail, and the SMS, whose paragraphs are alternatives."""

    subject: str
    body: tuple[Paragraph, ...]
    sms: tuple[Paragraph, ...]


@dataclass(frozen=True)
class Wording:
    """The templates of one language or locale by kind, and its plural words by name and CLDR category."""

    kinds: Mapping[str, Template]
    words: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Found:
    """A template with the locale to write its values in, and the words of its language."""

    template: Template
    locale: str
    words: Mapping[str, Mapping[str, str]]


Templates = Mapping[str, Wording]  # by CLDR locale: "de", "de_AT"


@functools.lru_cache(maxsize=1)
def product_templates() -> Templates:
    """Those that the product ships: en, de, fr, pl."""
    import yaml

    return read_templates(yaml.safe_load(PRODUCT_TEMPLATES.read_text(encoding="utf-8")), "templates")


def read_templates(data: Mapping[str, object], field: str = "templates") -> Templates:
    """Templates in the shape of templates/order_messages.yaml, by language or locale.

    Raises Invalid naming the place, such as `templates.de.shipped.body[2]`, for a locale that CLDR does not
    know, a kind that does not exist, a placeholder that is no fact, or a word without its form for `other`.
    """
    read: dict[str, Wording] = {}
    for tag, value in data.items():
        name = locale_name(tag)
        if name is None:
            raise Invalid.field(f"{field}.{tag}", "must be a language or locale such as de or de-AT")
        read[name] = _read_wording(Fields.of(value, f"{field}.{tag}"))
    return read


def find_template(kind: str, locale: str | None, own: Templates, default_locale: str) -> Found:
    """The template of the locale, else of its language, else of the tenant's default.

    `own` templates go before the product's. Values are written as the customer's locale writes them whenever
    the language is theirs. The last resort is English. Raises Invalid for a kind that does not exist.
    """
    if kind not in MESSAGE_KINDS:
        raise Invalid.field("kind", f"must be one of {', '.join(MESSAGE_KINDS)}")
    for wanted in (locale_name(locale), locale_name(default_locale), "en"):
        for name in _and_language(wanted):
            for templates in (own, product_templates()):
                if name in templates and kind in templates[name].kinds:
                    assert wanted is not None, "only a name leads to a template"
                    return Found(templates[name].kinds[kind], wanted, _words(own, wanted))
    raise AssertionError("English has every kind")


def _and_language(name: str | None) -> list[str]:
    """The locale and what it specialises: zh_Hant_TW, zh_Hant, zh."""
    if name is None:
        return []
    parts = name.split("_")
    return ["_".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _words(own: Templates, locale: str) -> Mapping[str, Mapping[str, str]]:
    words: dict[str, Mapping[str, str]] = {}
    for name in reversed(_and_language(locale)):
        for templates in (product_templates(), own):
            words |= templates[name].words if name in templates else {}
    return words


def _read_wording(fields: Fields) -> Wording:
    words = fields.maybe_object("words")
    kinds = {}
    for kind in fields.data:
        if kind == "words":
            continue
        if kind not in MESSAGE_KINDS:
            raise Invalid.field(fields.at(kind), f"is no kind of message ({', '.join(MESSAGE_KINDS)})")
        kinds[kind] = _read_template(fields.object(kind))
    return Wording(kinds, {name: _read_word(words.object(name)) for name in words.data} if words else {})


def _read_word(fields: Fields) -> Mapping[str, str]:
    forms = {name: fields.text(name) for name in fields.data}
    if "other" not in forms:
        raise Invalid.field(fields.at("other"), "is required: the form for any count")
    return forms


def _read_template(fields: Fields) -> Template:
    subject = _checked(fields.data.get("subject"), fields.at("subject"))
    body, sms = (_read_paragraphs(fields.data.get(name), fields.at(name)) for name in ("body", "sms"))
    if not body:
        raise Invalid.field(fields.at("body"), "is required")
    return Template(subject, body, sms)


def _read_paragraphs(value: object, field: str) -> tuple[Paragraph, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (_read_paragraph(value, field),)
    if not isinstance(value, list):
        raise Invalid.field(field, "must be a text or a list of paragraphs")
    return tuple(_read_paragraph(item, f"{field}[{index}]") for index, item in enumerate(value))


def _read_paragraph(value: object, field: str) -> Paragraph:
    if isinstance(value, Mapping):
        fields = Fields.of(value, field)
        condition = fields.text("if")
        if FACT_KINDS.get(condition) != "flag":
            raise Invalid.field(fields.at("if"), f"{condition} is no fact that is true or false")
        return Paragraph(_read_paragraph(value.get("text"), fields.at("text")).wordings, condition)
    wordings = value if isinstance(value, list) else [value]
    if not wordings:
        raise Invalid.field(field, "must hold a wording")
    return Paragraph(tuple(_checked(text, field) for text in wordings))


def _checked(text: object, field: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise Invalid.field(field, "must be a text that is not empty")
    for key, word in PLACEHOLDER.findall(text):
        if FACT_KINDS.get(key) in (None, "flag"):
            raise Invalid.field(field, f"{{{key}}} is no fact that can be written")
        if bool(word) and FACT_KINDS[key] != "count":
            raise Invalid.field(field, f"{{{key}#{word}}} is no count")
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        raise Invalid.field(field, "has a brace that belongs to no {fact}")
    return text
