"""Order, tracking and error numbers, described by templates that a tenant can write and that cannot run away.

A template is literal text with placeholders: {d} digits, {6d} six digits, {a} letters, {2a} two letters,
{x} letters or digits, {16x} sixteen of them. A blank in it stands for blanks, ":" or "#" in the text; the number is
what follows the last blank: "order {d}" finds 1042 in "Order #1042".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from shared.errors import Invalid

MOST = 200  # different numbers found in one text

_PLACEHOLDER = re.compile(r"\{(\d{0,2})([dax])\}")
_CLASSES = {"d": "[0-9]", "a": "[A-Za-z]", "x": "[A-Za-z0-9]"}
_LETTER_OR_DIGIT = "[A-Za-z0-9]"
_SEPARATOR = r"[\s:#.]{1,5}"


def find_ids(text: str, templates: Sequence[str]) -> tuple[str, ...]:
    """The numbers in `text` that fit a template, in capitals, in order, each once, at most 200.

    Raises Invalid naming the template that cannot be read, or that would fit any word.
    """
    found: dict[str, None] = {}
    if templates:
        for match in _pattern(tuple(templates)).finditer(text):
            found.setdefault(next(group for group in match.groups() if group).upper())
            if len(found) == MOST:
                break
    return tuple(found)


def same_id(a: str, b: str) -> bool:
    """Whether two spellings name the same number: case, blanks and a leading "#" aside."""
    return _plain(a) == _plain(b)


def kept_ids(found: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Those of `known` that were `found`, spelt as known."""
    seen = {_plain(one) for one in found}
    return tuple(one for one in known if _plain(one) in seen)


def _plain(number: str) -> str:
    return "".join(number.split()).lstrip("#").casefold()


@lru_cache(maxsize=256)
def _pattern(templates: tuple[str, ...]) -> re.Pattern[str]:
    parts = [_compiled(template, f"templates[{i}]") for i, template in enumerate(templates)]
    return re.compile(rf"(?<!{_LETTER_OR_DIGIT})(?:{'|'.join(parts)})(?!{_LETTER_OR_DIGIT})", re.IGNORECASE)


def _compiled(template: str, field: str) -> str:
    context, _, number = template.strip().rpartition(" ")
    holes = list(_PLACEHOLDER.finditer(number))
    literal = _PLACEHOLDER.sub("", number)
    if not holes or len(template) > 60 or any(char in "{}" for char in context + literal):
        raise Invalid.field(field, "must be text with placeholders like {d}, {6d}, {2a} or {16x} in its last word")
    if sum(not hole[1] for hole in holes) > 1:
        raise Invalid.field(field, "must have at most one placeholder without a length")
    if not context and all(hole[2] != "d" for hole in holes) and not re.search("[0-9]", literal):
        raise Invalid.field(field, "would fit any word: it needs a digit or a word before it")
    before = _SEPARATOR.join(re.escape(word) for word in context.split())
    return (before + _SEPARATOR if before else "#?") + f"({_expanded(number)})"


def _expanded(number: str) -> str:
    parts, at = [], 0
    for hole in _PLACEHOLDER.finditer(number):
        parts.append(re.escape(number[at : hole.start()]))
        count = f"{{{hole[1]}}}" if hole[1] else "{1,40}"
        parts.append(_CLASSES[hole[2]] + count)
        at = hole.end()
    return "".join([*parts, re.escape(number[at:])])
