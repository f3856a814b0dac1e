"""Errors on the wire: RFC 9457 `application/problem+json`. The one place where an error becomes an answer."""

from __future__ import annotations

import json
import math
from typing import Any

from shared.errors import HouseError, Unauthenticated

MEDIA_TYPE = "application/problem+json"


def to_problem(error: HouseError) -> tuple[int, list[tuple[str, str]], bytes]:
    """Map an error to (status, headers, body)."""
    document: dict[str, Any] = {
        "type": problem_type(error),
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.problems:
        document["problems"] = [{"field": problem.field, "rule": problem.rule} for problem in error.problems]
    headers = [("content-type", MEDIA_TYPE), ("cache-control", "no-store")]
    if error.status in (429, 503):
        headers.append(("retry-after", str(max(1, math.ceil(error.retry_after or 1)))))
    if isinstance(error, Unauthenticated):
        headers.append(("www-authenticate", 'Bearer realm="bizosaas"'))
    return error.status, headers, json.dumps(document, ensure_ascii=False).encode()


def problem_type(error: HouseError) -> str:
    """The `type` of an error's problem document."""
    return "about:blank" if error.status == 500 else f"/problems/{_slug(error)}"


def _slug(error: HouseError) -> str:
    name = type(error).__name__
    return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))
