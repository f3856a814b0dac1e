"""Requests that are alike, to be shown together. Each is still decided by itself: one decision, one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from shared.tools.money import Money
from shared.tools.words import jaccard

#: Texts with at least this share of words in common speak of the same thing (policy).
SAME_WORDS = 0.5
#: Amounts are alike when the larger is at most this many times the smaller.
FACTOR = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of a request counts for being alike. `subjects` are what it is about, by kind: {"customer": {...},
    "sku": {...}, "supplier": {...}}; `words` the words of its text."""

    id: str
    created_at: datetime
    task_type: str
    triggers: frozenset[str]
    role: str
    action: str
    subjects: Mapping[str, frozenset[str]]
    words: frozenset[str]
    amount: Money | None

    @property
    def kind(self) -> tuple[str, frozenset[str], str, str]:
        """What must be the same in all of a group."""
        return self.task_type, self.triggers, self.role, self.action


@dataclass(frozen=True, slots=True)
class Group:
    """Requests shown together, oldest first; `common` is what all share, `differs` the names of what they do not."""

    key: str
    ids: tuple[str, ...]
    common: Mapping[str, Any]
    differs: tuple[str, ...]


def group_alike(pending: Sequence[Candidate]) -> list[Group]:
    """Groups of two or more in which any two are alike, oldest first; a request is in one group at most."""
    groups: list[list[Candidate]] = []
    for item in sorted(pending, key=lambda each: (each.created_at, each.id)):
        home = next((group for group in groups if all(alike(item, member) for member in group)), None)
        if home is None:
            groups.append([item])
        else:
            home.append(item)
    return [_group(members) for members in groups if len(members) > 1]


def alike(one: Candidate, other: Candidate) -> bool:
    """Same type, triggers, role and kind of action; about the same customer, sku or supplier, or in much the same
    words; and amounts within a factor of 2."""
    if one.kind != other.kind or not _near(one.amount, other.amount):
        return False
    return _share_a_subject(one, other) or jaccard(one.words, other.words) >= SAME_WORDS


def _near(one: Money | None, other: Money | None) -> bool:
    if one is None or other is None:
        return one is other
    if one.currency != other.currency:
        return False
    small, large = sorted((abs(one.amount), abs(other.amount)))
    return large <= FACTOR * small


def _share_a_subject(one: Candidate, other: Candidate) -> bool:
    mine = one.subjects
    return any(not values.isdisjoint(mine[kind]) for kind, values in other.subjects.items() if kind in mine)


def _group(members: list[Candidate]) -> Group:
    first = members[0]
    common: dict[str, Any] = {
        "task_type": first.task_type,
        "triggers": sorted(first.triggers),
        "role": first.role,
        "action": first.action,
    }
    kinds = dict.fromkeys(kind for member in members for kind in member.subjects)
    differs = []
    for kind in kinds:
        sets = [member.subjects.get(kind, frozenset()) for member in members]
        if shared := frozenset.intersection(*sets):
            common[kind] = sorted(shared)
        if len(set(sets)) > 1:
            differs.append(kind)
    if any(one.amount != other.amount for one, other in combinations(members, 2)):
        differs.append("amount")
    elif first.amount is not None:
        common["amount"] = str(first.amount)
    if len({member.words for member in members}) > 1:
        differs.append("text")
    return Group(f"alike-{first.id}", tuple(member.id for member in members), common, tuple(differs))
