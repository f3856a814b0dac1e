"""Who should be asked: a person who may decide, can do it in time, knows the matter and has the shortest queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import Invalid
from shared.tools.reading import Fields
from shared.tools.working_time import Opening, working_hours

#: The permission to decide: as it stands for every type of task, with ":order" behind it for that one.
PERMISSION = "hitl.decide"
EVERY_TYPE = frozenset({PERMISSION})
#: So many decisions of a type make a reviewer skilled in it (policy).
SKILLED_BY = 5
#: Who is asked where nobody else can be.
ADMINS = "tenant admins"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A person of the tenant who decides. Without `opening` they work at any time; `country` and `region` give
    their holidays."""

    user_id: str
    permissions: frozenset[str] = EVERY_TYPE
    skills: frozenset[str] = frozenset()
    opening: Opening | None = None
    country: str | None = None
    region: str | None = None
    absent_until: datetime | None = None

    @classmethod
    def read(cls, value: object, field: str) -> Reviewer:
        """From a tenant's settings: {user_id, permissions?, skills?, working_hours? {opens, closes, time_zone},
        country?, region?, absent_until?}. Without permissions they may decide on every type. Raises Invalid naming
        the field."""
        fields = Fields.of(value, field)
        hours = fields.maybe_object("working_hours")
        reviewer = cls(
            user_id=fields.text("user_id"),
            permissions=_names(fields, "permissions", EVERY_TYPE),
            skills=_names(fields, "skills", frozenset()),
            opening=Opening.read(hours.data, hours.path) if hours else None,
            country=fields.maybe_text("country"),
            region=fields.maybe_text("region"),
            absent_until=fields.maybe_moment("absent_until"),
        )
        try:
            reviewer.hours_to_work(datetime(2026, 1, 1, tzinfo=UTC))
        except Invalid as error:  # a country or region without a calendar
            raise Invalid.field(f"{field}.{error.problems[0].field}", error.problems[0].rule) from None
        return reviewer

    def may_decide(self, task_type: str) -> bool:
        """Whether they have the permission for this type."""
        return not self.permissions.isdisjoint({PERMISSION, f"{PERMISSION}:{task_type}"})

    def hours_to_work(self, now: datetime) -> float:
        """Hours until they are next at work; 0 when they are."""
        if self.opening is None:
            return 0.0
        begins = working_hours(now, 0, self.opening, country=self.country, region=self.region)
        return max(0.0, (begins - now).total_seconds() / 3600)


@dataclass(frozen=True, slots=True)
class Load:
    """What is known of a reviewer's work: minutes of requests that wait for them, minutes that this request will
    take them, and how many of its type they have decided."""

    queued: float = 0.0
    review: float = 5.0
    decided: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`user_id` is None when the tenant's admins are to be asked; `wait_minutes` until this request's turn."""

    user_id: str | None
    why: str
    wait_minutes: float | None

    @property
    def asked(self) -> str:
        """Who is asked, in a word."""
        return self.user_id or ADMINS


def suggest_reviewer(
    task_type: str,
    triggers: Collection[str],
    caused_by: Collection[str],
    expires_at: datetime,
    reviewers: Sequence[Reviewer],
    loads: Mapping[str, Load],
    now: datetime,
) -> Suggestion:
    """The skilled reviewer who will be done first; with nobody skilled, any who may decide; else the admins.

    Nobody decides on what they caused themselves (separation of duties, NIST SP 800-53 AC-5).
    """
    if not reviewers:
        return Suggestion(None, f"{ADMINS}: no reviewers are set for this tenant", None)
    able = [
        reviewer
        for reviewer in reviewers
        if reviewer.may_decide(task_type)
        and reviewer.user_id not in caused_by
        and not (reviewer.absent_until and reviewer.absent_until > now)
        and reviewer.hours_to_work(now) < (expires_at - now).total_seconds() / 3600
    ]
    if not able:
        return Suggestion(None, f"{ADMINS}: nobody else may decide this, is at work in time and did not cause it", None)
    skilled = [each for each in able if _is_skilled(each, task_type, triggers, loads)]
    chosen = min(skilled or able, key=lambda each: (_wait(each, loads, now) + _load(each, loads).review, each.user_id))
    known = f"knows {_knows(chosen, task_type, triggers)}" if skilled else f"nobody at work is skilled in {task_type}"
    return Suggestion(chosen.user_id, f"{known}; the shortest wait", _wait(chosen, loads, now))


def read_reviewers(values: object, field: str = "reviewers") -> tuple[tuple[Reviewer, ...], tuple[str, ...]]:
    """The reviewers of a tenant's settings, and what is wrong with those that cannot be read: one bad entry must
    not leave a tenant without reviewers."""
    if values is None:
        return (), ()
    if not isinstance(values, list | tuple):
        return (), (f"{field}: must be a list",)
    found: dict[str, Reviewer] = {}
    problems: list[str] = []
    for index, value in enumerate(values):
        try:
            reviewer = Reviewer.read(value, f"{field}[{index}]")
            found.setdefault(reviewer.user_id, reviewer)
        except Invalid as error:
            problems.append(error.detail)
    return tuple(found.values()), tuple(problems)


def _names(fields: Fields, name: str, default: frozenset[str]) -> frozenset[str]:
    value = fields.data.get(name)
    if value is None:
        return default
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise Invalid.field(fields.at(name), "must be a list of texts")
    return frozenset(value)


def _load(reviewer: Reviewer, loads: Mapping[str, Load]) -> Load:
    return loads.get(reviewer.user_id, Load())


def _wait(reviewer: Reviewer, loads: Mapping[str, Load], now: datetime) -> float:
    return reviewer.hours_to_work(now) * 60 + _load(reviewer, loads).queued


def _is_skilled(reviewer: Reviewer, task_type: str, triggers: Collection[str], loads: Mapping[str, Load]) -> bool:
    named = not reviewer.skills.isdisjoint({task_type, *triggers})
    return named or _load(reviewer, loads).decided >= SKILLED_BY


def _knows(reviewer: Reviewer, task_type: str, triggers: Collection[str]) -> str:
    named = sorted(reviewer.skills & {task_type, *triggers})
    return ", ".join(named) if named else f"{task_type} from earlier decisions"
