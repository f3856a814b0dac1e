"""Options that several verbs have."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from scripts.command.failure import misused

Url = Annotated[
    str | None,
    typer.Option("--url", help="The platform's address [BIZOSAAS_URL; where login was last; http://127.0.0.1:8080]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Show JSON, for programs; what goes on is one JSON a line")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="How many at most; 0: all")]

_SPAN = re.compile(r"(\d{1,9})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str, option: str) -> int:
    """The seconds of 90, 90s, 15m, 2h or 3d."""
    match = _SPAN.fullmatch(text, 0)
    if match is None:
        raise misused(f"{option}: {text!r} is no time; say 90s, 15m, 2h or 3d")
    return int(match[1]) * _SECONDS[match[2]]
