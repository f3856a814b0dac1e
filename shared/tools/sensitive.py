"""Finds and masks card numbers, IBANs and card verification codes in any JSON-like value.

Shown of a card number or an IBAN are the last four only (PCI DSS 4.0, requirement 3.4.1, allows no more than
BIN and last four); a verification code must not be stored at all (requirement 3.3.1) and leaves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import Invalid
from shared.tools.account_numbers import CARD_LENGTHS, card_brand, iban_ok, iban_problem, luhn_ok
from shared.tools.tables.iban_lengths import IBAN_LENGTHS

__all__ = ["Finding", "Masked", "card_brand", "forbidden", "iban_ok", "iban_problem", "luhn_ok", "mask_sensitive"]

DEEPEST = 100
# Article numbers pass Luhn one time in ten.
SKIPPED_FIELDS = frozenset({"sku", "ean", "gtin"})
CODE_FIELDS = frozenset({"cvv", "cvv2", "cvc", "cvc2", "cvn", "card_code", "security_code", "card_security_code"})
MASK = "****"
# What no data may hold in the clear: an order with it is looked at. An IBAN is a payment detail like others; it is
# masked too, and that is all.
FORBIDDEN = frozenset({"card", "cvv"})

_BLANK = r"[\s\u200b\-\u2010-\u2015]{0,2}"
_DIGIT_RUN = re.compile(rf"(?<![\d*])\d(?:{_BLANK}\d){{12,}}(?!\d)")
_DIGITS = re.compile(r"\d+")
_IBAN_START = re.compile(r"(?<![A-Za-z0-9*])([A-Za-z]{2})[ -]?\d[ -]?\d(?=[ -]?[A-Za-z0-9])")
_ALNUM_RUN = {
    length: re.compile(rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")
    for length in set(IBAN_LENGTHS.values())
}
_CODE_IN_TEXT = re.compile(
    r"(?i)(?<![a-z])((?:cvv2?|cvc2?|cvn|(?:card )?(?:verification|security) (?:code|value|number))"
    r"(?:\s*(?:is|no\.?|number|code))?\s*[:=#]?\s*)(\d{3,4})(?!\d)"
)


@dataclass(frozen=True)
class Finding:
    """What was masked: its path (`payments[0].note`), kind (card, iban, cvv), last four, card brand."""

    path: str
    kind: str
    last4: str = ""
    brand: str | None = None


@dataclass(frozen=True)
class Masked:
    """The value with everything sensitive masked, and what was found."""

    clean: Any
    findings: tuple[Finding, ...]


def forbidden(findings: Iterable[Finding]) -> list[str]:
    """Those of the findings that no data may hold, each once, in words: "card in note"."""
    return list(dict.fromkeys(f"{one.kind} in {one.path}" for one in findings if one.kind in FORBIDDEN))


def mask_sensitive(value: object) -> Masked:
    """Walks objects, lists and every string and integer in them, names of fields included.

    Values of other types stay as they are. Masking twice changes nothing more. Raises Invalid for a value
    nested deeper than 100.
    """
    findings: list[Finding] = []
    clean = _walk(value, "", findings, DEEPEST)
    return Masked(clean, tuple(findings))


def _walk(value: object, path: str, findings: list[Finding], depth: int) -> object:
    if depth < 0:
        raise Invalid.field(path.split(".")[0].split("[")[0] or "value", f"is nested deeper than {DEEPEST}")
    if isinstance(value, Mapping):
        return _walk_object(value, path, findings, depth)
    if isinstance(value, list | tuple):
        return [_walk(item, f"{path}[{index}]", findings, depth - 1) for index, item in enumerate(value)]
    if isinstance(value, str):
        return _mask_text(value, path, findings)
    if isinstance(value, int) and not isinstance(value, bool) and 10**12 <= value < 10**19:
        masked = _mask_text(str(value), path, findings)
        return masked if masked != str(value) else value
    return value


def _walk_object(
    value: Mapping[object, object], path: str, findings: list[Finding], depth: int
) -> dict[object, object]:
    clean: dict[object, object] = {}
    for key, item in value.items():
        name = _mask_text(key, f"{path}.(name)" if path else "(name)", findings) if isinstance(key, str) else key
        if name != key and name in clean:  # two masked names may look the same
            name = f"{name} ({len(clean)})"
        here = f"{path}.{name}" if path else str(name)
        plain = str(key).casefold().replace("-", "_")
        if plain in SKIPPED_FIELDS and not isinstance(item, Mapping | list | tuple):
            clean[name] = item
        elif plain in CODE_FIELDS and _is_code(item):
            findings.append(Finding(here, "cvv"))
            clean[name] = MASK
        else:
            clean[name] = _walk(item, here, findings, depth - 1)
    return clean


def _is_code(value: object) -> bool:
    """Three or four digits; a result of the check (M, N, U) is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    return re.fullmatch(r"\s*\d{3,4}\s*", str(value)) is not None


def _mask_text(text: str, path: str, findings: list[Finding]) -> str:
    text = _mask_ibans(text, path, findings)
    text = _DIGIT_RUN.sub(lambda match: _mask_run(match[0], path, findings), text)

    def code(match: re.Match[str]) -> str:
        findings.append(Finding(path, "cvv"))
        return f"{match[1]}{MASK}"

    return _CODE_IN_TEXT.sub(code, text)


def _mask_ibans(text: str, path: str, findings: list[Finding]) -> str:
    parts, end = [], 0
    for start in _IBAN_START.finditer(text):
        length = IBAN_LENGTHS.get(start[1].upper())
        match = _ALNUM_RUN[length].match(text, start.start()) if length and start.start() >= end else None
        if match and iban_ok(match[0]):
            last4 = re.sub("[^A-Za-z0-9]", "", match[0])[-4:]
            findings.append(Finding(path, "iban", last4))
            parts += [text[end : match.start()], MASK, last4]
            end = match.end()
    return "".join([*parts, text[end:]])


def _mask_run(run: str, path: str, findings: list[Finding]) -> str:
    """Masks the card numbers in a run of digits; a number begins and ends with groups of the run."""
    groups = [match.span() for match in _DIGITS.finditer(run)]
    parts, end, index = [], 0, 0
    while index < len(groups):
        stop = _card_end(run, groups, index)
        if stop is None:
            index += 1
            continue
        begin, finish = groups[index][0], groups[stop][1]
        number = _ascii_digits(run[begin:finish])
        findings.append(Finding(path, "card", number[-4:], card_brand(number)))
        parts += [run[end:begin], MASK, number[-4:]]
        end, index = finish, stop + 1
    return "".join([*parts, run[end:]])


def _card_end(run: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The last group of the longest card number that begins with group `first`."""
    best, digits = None, ""
    for index in range(first, len(groups)):
        digits += _ascii_digits(run[slice(*groups[index])])
        if len(digits) > CARD_LENGTHS[-1]:
            break
        if len(digits) in CARD_LENGTHS and card_brand(digits) and luhn_ok(digits):
            best = index
    return best


def _ascii_digits(text: str) -> str:
    """Digits of any script as 0-9, everything else dropped."""
    return "".join(str(int(char)) for char in text if char.isdecimal())
