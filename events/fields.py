"""The field types that events share."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, PlainSerializer, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(max_length=200_000)]
Line = Annotated[str, StringConstraints(max_length=1_000)]
Email = Annotated[str, StringConstraints(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Share = Annotated[float, Field(ge=0, le=1)]
#: A measured number; neither infinite nor "not a number", which JSON cannot say.
Number = Annotated[float, Field(allow_inf_nan=False)]


def _exact(value: Any) -> Any:
    if isinstance(value, (float, bool)):
        raise ValueError("an amount is a string or a whole number, never a float")
    if isinstance(value, str) and not re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", value):
        raise ValueError("an amount is written like 12.50")
    return value


#: A decimal amount, written as a string on the wire.
Amount = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(gt=Decimal("-1e15"), lt=Decimal("1e15"), allow_inf_nan=False),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
]
#: A moment with its offset, RFC 3339.
Moment = AwareDatetime


def _numbers(value: Any) -> Any:
    """A JSON value whose decimals are written as the numbers that they were read from."""
    if isinstance(value, Decimal):
        return float(value)  # what `loads` read as a decimal comes back digit for digit
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, (list, tuple)) else value


#: A JSON object that travels untouched: by itself pydantic would write its decimals as strings.
Json = Annotated[dict[str, Any], PlainSerializer(_numbers, return_type=dict[str, Any], when_used="json")]

__all__ = [
    "Amount",
    "Country",
    "Currency",
    "Email",
    "Id",
    "Json",
    "Line",
    "Moment",
    "Number",
    "Share",
    "Text",
    "datetime",
]
