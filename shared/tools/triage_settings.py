"""How a tenant wants its tickets judged: categories, number formats, cue phrases, answering times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from shared.errors import Invalid
from shared.tools.reading import Fields, mapping
from shared.tools.references import IdTemplates
from shared.tools.tables.ticket_cues import ADDABLE
from shared.tools.tables.ticket_topics import OTHER, TOPICS
from shared.tools.urgency import SLA_HOURS
from shared.tools.working_time import Opening

Topics = Mapping[str, Mapping[str, Sequence[str]]]
"""Categories with their seed phrases, by language."""


@dataclass(frozen=True)
class TriageSettings:
    """`cues` are phrases that the tenant adds to the lists of `ticket_cues`; `sla_hours` are opening hours until an
    answer, by priority, None for no limit."""

    locale: str = "en_US"
    topics: Topics = field(default_factory=lambda: TOPICS)
    ids: IdTemplates = field(default_factory=IdTemplates)
    cues: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sla_hours: Mapping[int, float | None] = field(default_factory=lambda: SLA_HOURS)
    opening: Opening = field(default_factory=lambda: Opening(dt.time(9), dt.time(17)))
    country: str | None = None
    region: str | None = None
    closures: tuple[dt.date, ...] = ()

    def __post_init__(self) -> None:
        if "en" not in self.topics:
            raise Invalid.field("topics", "must have English seed phrases, which stand in for other languages")
        for language, topics in self.topics.items():
            if OTHER not in topics:
                raise Invalid.field(f"topics.{language}", f"must have the topic {OTHER!r}")

    @classmethod
    def read(cls, value: Mapping[str, object]) -> TriageSettings:
        """From a tenant's document with the fields above; what is absent keeps its default.

        `topics` may be {topic: [phrases]} (English) or {language: {topic: [phrases]}}; `ids` {order|tracking|error:
        [templates]}; `cues` {list: [phrases]}; `closures` ISO dates. Raises Invalid naming the field.
        """
        data, start = Fields.of(value), cls()
        opening = data.maybe_object("opening")
        return cls(
            locale=data.maybe_text("locale") or start.locale,
            topics=_topics(value["topics"]) if value.get("topics") else start.topics,
            ids=replace(start.ids, **_phrases(value.get("ids"), "ids", [f.name for f in fields(IdTemplates)])),
            cues=_phrases(value.get("cues"), "cues", ADDABLE),
            sla_hours={**start.sla_hours, **_hours(value.get("sla_hours"))},
            opening=Opening.read(opening.data) if opening else start.opening,
            country=data.maybe_text("country"),
            region=data.maybe_text("region"),
            closures=tuple(_date(day, f"closures[{i}]") for i, day in enumerate(_texts(value, "closures"))),
        )


def _topics(value: object) -> Topics:
    found = mapping(value, "topics")
    by_language = found if all(isinstance(topics, Mapping) for topics in found.values()) else {"en": found}
    return {
        language: {name: tuple(_texts(topics, name, f"topics.{language}.{name}")) for name in mapping(topics, language)}
        for language, topics in by_language.items()
        if isinstance(topics, Mapping)
    }


def _phrases(value: object, field: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    lists = mapping(value, field)
    for name in lists:
        if name not in names:
            raise Invalid.field(f"{field}.{name}", f"must be one of {', '.join(names)}")
    return {name: tuple(_texts(lists, name, f"{field}.{name}")) for name in lists}


def _texts(data: Mapping[str, object], name: str, field: str = "") -> list[str]:
    value = data.get(name) or ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item.strip() for item in value):
        raise Invalid.field(field or name, "must be a list of texts")
    return [item for item in value if isinstance(item, str)]


def _hours(value: object) -> dict[int, float | None]:
    if value is None:
        return {}
    hours: dict[int, float | None] = {}
    for level, limit in mapping(value, "sla_hours").items():
        if level not in {"1", "2", "3", "4", "5"}:
            raise Invalid.field(f"sla_hours.{level}", "must be of a priority, 1 to 5")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 0):
            raise Invalid.field(f"sla_hours.{level}", "must be a number of hours, or null for no limit")
        hours[int(level)] = limit
    return hours


def _date(text: str, field: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Invalid.field(field, "must be a date like 2026-12-24") from None
