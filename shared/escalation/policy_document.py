"""Reads a policy from a document: one JSON object, in which every key may be left out.

    currency         ISO 4217, the tenant's own
    fx_rates         [{pair: "USD/EUR", rate: "0.92", as_of}], see `shared.tools.rates`
    the limits       by the names in `DEFAULT_LIMITS`; money as text or a whole number, in `currency`
    legal_words      the whole list
    vip_urgency      low, medium or high
    role_confidence  {role: floor}; roles not named keep theirs
What a document leaves out stays as it is in the policy below it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from shared.errors import Invalid, Problem
from shared.escalation.limits import DEFAULT_LIMITS, SHARE, Limit, in_currency, read_limit, read_score
from shared.tools.legal_words import legal_words
from shared.tools.money import minor_unit
from shared.tools.rates import Rate

if TYPE_CHECKING:
    from shared.escalation.policy import Policy, Urgency

LIMITS = tuple(limit.name for limit in DEFAULT_LIMITS)
KEYS = ("currency", "fx_rates", *LIMITS, "legal_words", "vip_urgency", "role_confidence")
URGENCIES: tuple[Urgency, ...] = ("low", "medium", "high")

T = TypeVar("T")
#: What happens to a value looser than that of the policy below: it is refused, replaced by that, or taken.
Looser = Literal["refuse", "hold", "take"]


def read_policy(document: object, base: Policy, looser: Looser, path: str = "policy") -> Policy:
    """The policy of a document over `base`. Raises Invalid naming every bad key below `path`, all together."""
    if not isinstance(document, Mapping):
        raise Invalid.field(path, "must be an object")
    reading = _Reading(document, base, looser, path)
    policy = reading.policy()
    if reading.problems:
        raise Invalid.together(reading.problems)
    return policy


@dataclass
class _Reading:
    """One document on its way to a policy; collects what is wrong with it."""

    document: Mapping[str, object]
    base: Policy
    looser: Looser
    path: str
    problems: list[Problem] = field(default_factory=list)

    def policy(self) -> Policy:
        for key in self.document:
            if key not in KEYS:
                known = ", ".join(KEYS)
                self.problems.append(Problem(f"{self.path}.{key}", f"is no key of a policy; those are {known}"))
        currency = self._take("currency", _currency, self.base.currency)
        limits: dict[str, Any] = {limit.name: self._limit(limit, currency) for limit in DEFAULT_LIMITS}
        return replace(
            self.base,
            currency=currency,
            fx_rates=self._take("fx_rates", _rates, self.base.fx_rates),
            legal_words=self._words(),
            vip_urgency=self._vip_urgency(),
            role_confidence=self._floors(),
            **limits,
        )

    def _take(self, key: str, read: Callable[[object, str], T], default: T) -> T:
        if key not in self.document:
            return default
        try:
            return read(self.document[key], f"{self.path}.{key}")
        except Invalid as error:
            self.problems.extend(error.problems)
            return default

    def _hold(self, key: str, new: T, held: T, loosens: bool, rule: str) -> T:
        """`new`, unless it lets more pass than the policy below: then as the kind of document has it."""
        if not loosens or self.looser == "take":
            return new
        if self.looser == "refuse":
            self.problems.append(Problem(f"{self.path}.{key}", f"{rule}: a tenant may tighten it, not loosen it"))
        return held

    def _limit(self, limit: Limit, currency: str) -> object:
        held = in_currency(getattr(self.base, limit.name), currency)
        new = self._take(limit.name, lambda value, at: read_limit(limit, value, currency, at), held)
        most = "at most" if limit.tighter == "lower" else "at least"
        return self._hold(limit.name, new, held, limit.loosens(new, held), f"must be {most} {held}")

    def _words(self) -> tuple[str, ...]:
        held = self.base.legal_words
        new = self._take("legal_words", _legal_words, held)
        lost = sorted(set(held) - set(new))
        both = tuple(sorted({*held, *new}))
        return self._hold("legal_words", new, both, bool(lost), f"must keep {', '.join(lost)}")

    def _vip_urgency(self) -> Urgency:
        held = self.base.vip_urgency
        new = self._take("vip_urgency", _urgency, held)
        return self._hold(
            "vip_urgency", new, held, URGENCIES.index(new) < URGENCIES.index(held), f"must be at least {held}"
        )

    def _floors(self) -> tuple[tuple[str, Decimal], ...]:
        floors, nothing = dict(self.base.role_confidence), dict[str, Decimal]()
        for role, new in self._take("role_confidence", _role_floors, nothing).items():
            held = floors.get(role, Decimal(0))
            floors[role] = self._hold(f"role_confidence.{role}", new, held, new < held, f"must be at least {held}")
        return tuple(sorted((role, floor) for role, floor in floors.items() if floor))


def _currency(value: object, at: str) -> str:
    code = cast(str, value)  # minor_unit refuses what is no text
    minor_unit(code, field=at)
    return code


def _rates(value: object, at: str) -> tuple[Rate, ...]:
    if not isinstance(value, list | tuple):
        raise Invalid.field(at, "must be a list of rates")
    rates = _read_all([(f"{at}[{index}]", each) for index, each in enumerate(value)], Rate.read)
    return tuple(sorted(set(rates), key=lambda rate: (rate.base, rate.quote, rate.as_of, rate.rate)))


def _read_all(items: list[tuple[str, Any]], read: Callable[[Any, str], T]) -> list[T]:
    """Each value read at its path; Invalid names every one that cannot be."""
    values: list[T] = []
    problems: list[Problem] = []
    for at, value in items:
        try:
            values.append(read(value, at))
        except Invalid as error:
            problems.extend(error.problems)
    if problems:
        raise Invalid.together(problems)
    return values


def _urgency(value: object, at: str) -> Urgency:
    if value not in URGENCIES:
        raise Invalid.field(at, f"must be one of {', '.join(URGENCIES)}")
    return value


def _legal_words(value: object, at: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise Invalid.field(at, "must be a list of words")
    words = tuple(word.lower() for word in value)
    try:
        legal_words("", words)
    except Invalid as error:
        problem = error.problems[0]
        raise Invalid.field(problem.field.replace("words", at, 1), problem.rule) from None
    return tuple(sorted(set(words)))


def _role_floors(value: object, at: str) -> dict[str, Decimal]:
    if not isinstance(value, Mapping):
        raise Invalid.field(at, "must be an object of roles and their floors")
    floors = _read_all([(f"{at}.{role}", floor) for role, floor in value.items()], lambda v, a: read_score(v, SHARE, a))
    return dict(zip(map(str, value), floors, strict=True))
