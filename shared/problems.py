"""From an error of the house to the answer that HTTP gives for it: RFC 9457 problem details."""

from __future__ import annotations

import json
import math
from typing import Any

from shared.errors import HouseError


def to_problem(error: HouseError) -> tuple[int, list[tuple[str, str]], bytes]:
    """The status, the header fields and the JSON body for `error`.

    The body has type, title, status, detail and, where fields are to blame, problems [{field, rule}].
    A 401 names the scheme (RFC 6750); `retry_after` becomes whole seconds, rounded up (RFC 9110, 10.2.3).
    """
    body: dict[str, Any] = {
        "type": f"urn:bizosaas:problem:{type(error).__name__.lower()}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.problems:
        body["problems"] = [{"field": one.field, "rule": one.rule} for one in error.problems]
    headers = [("content-type", "application/problem+json")]
    if error.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    if error.retry_after is not None:
        headers.append(("retry-after", str(max(1, math.ceil(error.retry_after)))))
    return error.status, headers, json.dumps(body, ensure_ascii=False).encode()
