"""A request that waits for a human, read from its JSON form; and every value in it as a fact that a text may state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.errors import Invalid
from shared.tools.money import Money, money
from shared.tools.reading import Fields, exact_decimal

#: Facts taken from one value; what lies beyond is not stated by anybody.
MOST_FACTS = 500
#: Text fields of a task: somebody's own words, quoted and never followed.
WORDS = ("subject", "title", "message", "description", "note", "notes", "comment", "customer_note", "text", "body")


@dataclass(frozen=True)
class ReviewRequest:
    """One request. `caused_by` are the users who must not decide it, `asked` the task's own description and expected
    output, `results` what its roles found and `computed` the signals that it lacked, by field; the rest is as the
    request shows it."""

    id: str
    task_id: str
    task_type: str
    created_at: datetime
    expires_at: datetime
    urgency: str
    triggers: tuple[str, ...]
    kind: str = "approval"
    role: str = ""
    recommendation: str = ""
    confidence: float | None = None
    reasons: tuple[Mapping[str, Any], ...] = ()
    task_data: Mapping[str, Any] = field(default_factory=dict)
    impact: Mapping[str, Any] = field(default_factory=dict)
    action: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[Mapping[str, Any], ...] = ()
    computed: Mapping[str, Any] = field(default_factory=dict)
    caused_by: frozenset[str] = frozenset()

    @classmethod
    def read(cls, value: object, path: str = "request") -> ReviewRequest:
        """From JSON (moments may be datetimes). Raises Invalid naming the field."""
        fields = Fields.of(value, path)
        urgency = fields.text("urgency")
        if urgency not in ("high", "medium", "low"):
            raise Invalid.field(fields.at("urgency"), "must be high, medium or low")
        confidence = fields.data.get("ai_confidence")
        return cls(
            id=fields.text("id"),
            task_id=fields.text("task_id"),
            task_type=fields.text("task_type"),
            created_at=fields.moment("created_at"),
            expires_at=fields.moment("expires_at"),
            urgency=urgency,
            triggers=_texts(fields, "triggers"),
            kind=fields.maybe_text("kind") or "approval",
            role=fields.maybe_text("role") or "",
            recommendation=str(fields.data.get("ai_recommendation") or ""),
            confidence=float(confidence) if isinstance(confidence, int | float | Decimal) else None,
            reasons=tuple(each.data for each in fields.objects("reasons")),
            task_data=_object(fields, "task_data"),
            impact=_object(fields, "estimated_impact"),
            action=_object(fields, "action"),
            context=_object(fields, "context"),
            notes=_object(fields, "notes"),
            asked=_object(fields, "asked"),
            results=tuple(each.data for each in fields.objects("results")),
            computed=_object(fields, "computed"),
            caused_by=frozenset(_texts(fields, "caused_by")),
        )

    @property
    def amount(self) -> Money | None:
        """The money in question, None where the request names none. Raises Invalid for one that is no money."""
        return read_money(self.impact.get("financial"))

    @property
    def words(self) -> Iterator[tuple[str, str]]:
        """The task's own texts: (field, text on one line)."""
        said = [*self.asked.items(), *((name, self.task_data.get(name)) for name in WORDS)]
        for name, text in said:
            if isinstance(text, str) and text.strip():
                yield name, " ".join(text.split())

    @property
    def verb(self) -> str:
        """The kind of action: "work" to be done, or work to "accept"."""
        return str(self.action.get("do", ""))

    def hours_left(self, now: datetime) -> float:
        """Hours until it expires; below 0 when it has."""
        return (self.expires_at - now).total_seconds() / 3600


def read_money(value: object, path: str = "estimated_impact.financial") -> Money | None:
    """Money from {amount, currency}, None from null. Raises Invalid naming the field."""
    if value is None:
        return None
    fields = Fields.of(value, path)
    return money(fields.data.get("amount"), fields.text("currency"), field=fields.at("amount"), payable=False)


def scalars(key: str, value: object) -> Iterator[tuple[str, object]]:
    """The single values in a JSON value, each under its path; a value that no claim can state is left as text."""
    left = [MOST_FACTS]

    def walk(path: str, item: object) -> Iterator[tuple[str, object]]:
        if left[0] <= 0:
            return
        if isinstance(item, Mapping):
            for name, member in item.items():
                yield from walk(f"{path}.{name}", member)
        elif isinstance(item, Sequence) and not isinstance(item, str | bytes):
            for index, member in enumerate(item):
                yield from walk(f"{path}[{index}]", member)
        elif item is not None and not isinstance(item, bool):
            left[0] -= 1
            yield path, _stateable(item)

    return walk(key, value)


def _stateable(value: object) -> object:
    if isinstance(value, int | Decimal):
        try:
            return exact_decimal(value, "value")
        except Invalid:
            return str(value)
    return value if isinstance(value, str | float | datetime | Money) else str(value)


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    value = fields.data.get(name) or ()
    if isinstance(value, str) or not isinstance(value, Sequence | frozenset | set):
        raise Invalid.field(fields.at(name), "must be a list of texts")
    return tuple(str(item) for item in value)


def _object(fields: Fields, name: str) -> Mapping[str, Any]:
    found = fields.maybe_object(name)
    return found.data if found else {}
