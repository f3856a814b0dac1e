"""What a task's data says about whom: the keys under which it is found again, normalised."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Invalid
from shared.tools.fraud_past import order_keys
from shared.tools.reading import exact_decimal

#: The kinds that say who it is, and those that tie orders together.
CUSTOMER_KINDS = ("customer_id", "email")
KINDS = (*CUSTOMER_KINDS, "order_id", "psp_reference", "card_fingerprint", "device_id", "address")
#: Beside them, one for each order that can be told from others: its value is the largest quantity of a line.
ORDER = "order"
LONGEST = 300
#: Screening's names of what ties orders together, the fields that hold them, and our kinds.
_TIES = (
    ("email", "email", "email"),
    ("card", "card_fingerprint", "card_fingerprint"),
    ("device", "device_id", "device_id"),
    ("address", "shipping_address", "address"),
)


def keys_of(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, value) pairs, each once. What cannot be read is left out: keys are for finding, not for judging."""
    for kind in ("customer_id", "order_id"):
        if value := _plain(data.get(kind)):
            yield kind, value
    for key, field, kind in _TIES:
        if value := _tie(key, field, data.get(field)):
            yield kind, value
    payments = data.get("payments")
    references = [_plain(each.get("psp_reference")) for each in _objects(payments)]
    for reference in dict.fromkeys(filter(None, references)):
        yield "psp_reference", reference


def normalised(kind: str, value: str) -> str:
    """A value as it is kept: an e-mail address in small letters; a longer one than fits ends in its hash."""
    text = value.strip()
    text = text.casefold() if kind == "email" else text
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 33]}#{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def money_of(data: Mapping[str, Any]) -> tuple[str, str]:
    """(amount, currency) as text, ("", "") where the data names no money that can be read."""
    currency = data.get("currency")
    try:
        amount = exact_decimal(data.get("amount"), "amount")
    except Invalid:
        return "", ""
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        return "", ""
    return f"{amount:f}", currency


def largest_quantity(data: Mapping[str, Any]) -> int:
    """The largest quantity of an order's lines, 1 where none can be read."""
    found = [each.get("quantity") for each in _objects(data.get("lines"))]
    return max([1, *(one for one in found if isinstance(one, int) and not isinstance(one, bool) and one < 10**15)])


def _tie(key: str, field: str, value: object) -> str | None:
    try:
        found = order_keys({field: value}).get(key)
    except Invalid:
        return None
    return normalised(field, found) if found else None


def _plain(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return normalised("", value) if isinstance(value, str) and value.strip() else None


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []
