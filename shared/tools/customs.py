"""When a parcel crosses a customs border, and what its lines must then say about themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from shared.tools.tables.territories import CUSTOMS_UNIONS, SPECIAL_AREAS

# The Harmonized System has six digits; countries add up to four of their own.
_HS_CODE = re.compile(r"[0-9]{6}([0-9]{2}){0,2}")


class Declared(Protocol):
    """What a customs declaration takes from an order line."""

    @property
    def hs_code(self) -> str | None: ...
    @property
    def has_value(self) -> bool: ...


def customs_area(country: str, postal_code: str | None = None) -> str:
    """The country, or the part of it that customs or tax treat otherwise ("Canary Islands" for ES 35001)."""
    code = re.sub(r"[\s-]", "", postal_code or "").upper()
    for prefix, area in SPECIAL_AREAS.get(country, {}).items():
        if code.startswith(prefix):
            return area
    return country


def crosses_customs(origin: str, destination: str, unions: Sequence[Collection[str]] = CUSTOMS_UNIONS) -> bool:
    """Whether goods are declared on their way between two areas (see `customs_area`)."""
    return origin != destination and not any(origin in union and destination in union for union in unions)


def missing_for_customs(line: Declared, field: str) -> list[str]:
    """The paths of what a customs declaration still needs of the line at `field`: its hs_code, its value.

    A code that is no number of six, eight or ten digits (points and blanks aside) names no goods: it is
    missing.
    """
    digits = re.sub(r"[.\s]", "", line.hs_code or "")
    missing = [] if _HS_CODE.fullmatch(digits) else [f"{field}.hs_code"]
    return missing if line.has_value else [*missing, f"{field}.value"]
