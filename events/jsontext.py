"""JSON as the house reads and writes it: strict, and never through a binary float on the way in."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any

#: A float repeats up to 15 significant decimal digits exactly (IEEE 754 binary64, DBL_DIG).
MAX_DIGITS = 15
MAX_DEPTH = 64


class JsonError(ValueError):
    """Raised when bytes are not the JSON that the house accepts; says what is wrong."""


def _decimal(text: str) -> Decimal | float:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that even a Decimal cannot hold
        raise JsonError(f"the number {text[:40]} is out of range") from None
    if len(number.as_tuple().digits) <= MAX_DIGITS and -300 < number.adjusted() < 300:
        return number
    # The shortest text of a binary float (a computed share, say) has up to 17 digits and is kept as that float.
    shortest = Decimal(repr(float(text)))  # compared as numbers: e-6 and e-06 are one exponent
    if shortest == number and len(shortest.as_tuple().digits) == len(number.as_tuple().digits):
        return float(text)
    raise JsonError(f"the number {text[:40]} cannot be kept exactly: send it as a string")


def _integer(text: str) -> int:
    if len(text) > 19:
        raise JsonError(f"the number {text[:20]}... is too long: send it as a string")
    return int(text)


def _constant(text: str) -> Any:
    raise JsonError(f"{text} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise JsonError(f"the key {twice!r} stands twice in one object")
    return result


_decoder = json.JSONDecoder(
    parse_float=_decimal, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object
)
_own_decoder = json.JSONDecoder(parse_float=_decimal)


def loads(raw: bytes | str) -> Any:
    """Read JSON text (UTF-8): a number with a point is a `Decimal`, or a float where only that keeps it.

    NaN, duplicate keys, numbers that would lose digits, lone surrogates and nesting deeper than
    64 levels are a `JsonError`."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = _decoder.decode(text)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise JsonError(f"not JSON: {error}") from None
    except RecursionError:
        raise JsonError(f"nested deeper than {MAX_DEPTH} levels") from None
    if "\\u" in text:
        _refuse_surrogates(value)
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(value, MAX_DEPTH)
    return value


def loads_own(text: str) -> Any:
    """Read what `dumps` wrote of values that `loads` accepted, without looking for what cannot be in it."""
    return _own_decoder.decode(text)


def _refuse_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        raise JsonError("a string holds half of a surrogate pair") from None


def _refuse_depth(value: Any, left: int) -> None:
    if left < 0:
        raise JsonError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_depth(item, left - 1)
    elif isinstance(value, list):
        for item in value:
            _refuse_depth(item, left - 1)


def _default(value: object) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_default, allow_nan=False)
_canonical = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=_default, allow_nan=False, sort_keys=True
)


def dumps(value: Any) -> str:
    """Write compact JSON text; a `Decimal` that `loads` accepted comes back digit for digit."""
    return _encoder.encode(value)


def canonical(value: Any) -> str:
    """Write the one text of a value (sorted keys): what hashes and comparisons are made of."""
    return _canonical.encode(value)
