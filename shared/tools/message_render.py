"""Writes a message about an order from a template and the facts, and from nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import Invalid
from shared.tools.localised import format_count, format_day, format_money, plural_form
from shared.tools.measures import day
from shared.tools.message_templates import PLACEHOLDER, Found, Paragraph, Templates, find_template
from shared.tools.money import Money, money
from shared.tools.order_facts import FACT_KINDS, FactValue, missing_facts
from shared.tools.reading import Fields
from shared.tools.sms import sms_spaces

# A customer who may cancel must be told so in these; in the others there is nothing left to cancel, or no
# delay.
OFFERING_KINDS = frozenset({"delayed", "partly_shipped"})
OFFER = "must_offer_cancel"


@dataclass(frozen=True)
class Rendered:
    """The text, and the locale in which its values are written; an SMS has an empty subject."""

    locale: str
    subject: str
    body: str


def render(
    kind: str,
    locale: str | None,
    facts: Sequence[Mapping[str, object]],
    *,
    channel: Literal["email", "sms"] = "email",
    templates: Templates | None = None,
    default_locale: str = "en",
) -> Rendered:
    """The message of that kind in the customer's locale (BCP 47), by `find_template`.

    `facts` are those of `order_facts`, also after JSON (an amount as {amount, currency}, a date as text).
    Raises Invalid for a fact that the kind requires and that is not there, and for a template that offers
    no cancellation where must_offer_cancel is true.
    """
    missing = missing_facts(kind, facts)
    if missing:
        raise Invalid.field(f"facts.{missing[0]}", f"is required to tell that an order is {kind}")
    found = find_template(kind, locale, templates or {}, default_locale)
    pen = _Pen(found, _values(facts))
    subject, body = pen.email() if channel == "email" else ("", pen.sms())
    if kind in OFFERING_KINDS and pen.values.get(OFFER) is True and OFFER not in pen.told:
        raise Invalid.field(f"templates.{found.locale}.{kind}", "must offer to cancel the order")
    return Rendered(found.locale, subject, body)


class _Pen:
    """Fills one template; `told` are the conditions whose paragraphs are in the text."""

    def __init__(self, found: Found, values: Mapping[str, FactValue]) -> None:
        self.template = found.template
        self.locale = found.locale
        self.words = found.words
        self.values = values
        self.told: set[str] = set()

    def email(self) -> tuple[str, str]:
        subject = self._filled(self.template.subject)
        if subject is None:
            raise Invalid.field("templates.subject", "names a fact that is not known")
        paragraphs = [text for text in map(self._paragraph, self.template.body) if text]
        return subject, "\n\n".join(paragraphs)

    def sms(self) -> str:
        for paragraph in self.template.sms:
            if text := self._paragraph(paragraph):
                return sms_spaces(text)
        raise Invalid.field("templates.sms", "has no wording for the facts that are known")

    def _paragraph(self, paragraph: Paragraph) -> str | None:
        if paragraph.condition and self.values.get(paragraph.condition) is not True:
            return None
        text = next((text for text in map(self._filled, paragraph.wordings) if text is not None), None)
        if text and paragraph.condition:
            self.told.add(paragraph.condition)
        return text

    def _filled(self, wording: str) -> str | None:
        """None when a fact is not known. Values are put in once: braces in a name stay a name."""
        if any(key not in self.values for key, _ in PLACEHOLDER.findall(wording)):
            return None
        return PLACEHOLDER.sub(lambda match: self._written(match[1], match[2]), wording)

    def _written(self, key: str, word: str | None) -> str:
        value = self.values[key]
        if isinstance(value, Money):
            return format_money(value, self.locale)
        if isinstance(value, dt.date):
            return format_day(value, self.locale)
        if isinstance(value, int):
            return self._counted(value, word) if word else format_count(value, self.locale)
        return " ".join(value.split())  # a line break in a name must not begin a new line, or header

    def _counted(self, count: int, word: str) -> str:
        forms = self.words.get(word)
        if forms is None:
            raise Invalid.field(f"templates.{self.locale}.words.{word}", "is required")
        form = forms.get(plural_form(count, self.locale), forms["other"])
        return form.replace("{n}", format_count(count, self.locale))


def _values(facts: Sequence[Mapping[str, object]]) -> dict[str, FactValue]:
    values: dict[str, FactValue] = {}
    for index, fact in enumerate(facts):
        fields = Fields.of(fact, f"facts[{index}]")
        key = fields.text("key")
        if key in FACT_KINDS and fields.data.get("value") is not None:
            values[key] = _value(fields, FACT_KINDS[key])
    return values


def _value(fields: Fields, kind: str) -> FactValue:
    value = fields.data["value"]
    match kind:
        case "money" if isinstance(value, Money):
            return value
        case "money":
            parts = fields.object("value")
            return money(parts.data.get("amount"), parts.text("currency"), field=parts.at("amount"))
        case "date":
            return day(value, fields.at("value"))
        case "count":
            return fields.integer("value")
        case "flag":
            return fields.flag("value")
    return fields.text("value")
