"""How `stack.yml` writes amounts: Go durations (`1m30s`) and Kubernetes sizes (`256Mi`)."""

from __future__ import annotations

import re

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
BYTES = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SIZE = re.compile(r"(\d+)([A-Za-z]*)")


def seconds(text: str) -> float:
    """`1m30s` -> 90.0; raises ValueError with the rule when `text` is no duration of Go's form."""
    if not _DURATION.fullmatch(text):
        raise ValueError("must be a duration such as 30s, 15m or 1h30m")
    return sum(float(number) * SECONDS[unit] for number, unit in _PART.findall(text))


def size(text: str) -> int:
    """`256Mi` -> 268435456 bytes; raises ValueError with the rule when `text` is no size."""
    match = _SIZE.fullmatch(text)
    if match is None or match[2] not in BYTES:
        raise ValueError("must be a size such as 256Mi or 1Gi")
    return int(match[1]) * BYTES[match[2]]


def whole(text: str) -> int:
    """`"16"` -> 16; raises ValueError with the rule when `text` is no whole number."""
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError("must be a whole number")
    return int(text)


def positive(text: str) -> int:
    """As `whole`, from 1 up."""
    number = whole(text)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def truth(text: str) -> bool:
    """`"true"` or `"false"`; raises ValueError with the rule for any other word."""
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"
