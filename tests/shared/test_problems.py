"""RFC 9457 problem details of the house's errors."""

from __future__ import annotations

import json

import pytest

from shared.errors import (
    Conflict,
    Forbidden,
    HouseError,
    Invalid,
    Malformed,
    NotFound,
    Problem,
    RateLimited,
    TooLarge,
    TryAgain,
    Unauthenticated,
)
from shared.problems import to_problem


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Malformed("x"), 400),
        (Unauthenticated("x"), 401),
        (Forbidden("x"), 403),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (TooLarge("x"), 413),
        (Invalid("x"), 422),
        (RateLimited("x"), 429),
        (TryAgain("x"), 503),
    ],
)
def test_status_and_members(error: HouseError, status: int) -> None:
    """RFC 9457, 3.1: type, title, status, detail; the status of the answer is that of the body."""
    found, headers, body = to_problem(error)
    problem = json.loads(body)
    assert (found, problem["status"], problem["detail"]) == (status, status, "x")
    assert problem["title"] == error.title
    assert ("content-type", "application/problem+json") in headers


def test_fields_to_blame_are_listed() -> None:
    error = Invalid("two", problems=(Problem("a", "must be b"), Problem("c[1].d", "must be e")))
    body = json.loads(to_problem(error)[2])
    assert body["problems"] == [{"field": "a", "rule": "must be b"}, {"field": "c[1].d", "rule": "must be e"}]


def test_a_401_names_the_scheme() -> None:
    """RFC 9110, 15.5.2."""
    assert dict(to_problem(Unauthenticated("x"))[1])["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("seconds", "field"), [(0.1, "1"), (1.0, "1"), (1.2, "2")])
def test_retry_after_is_whole_seconds(seconds: float, field: str) -> None:
    assert ("retry-after", field) in to_problem(TryAgain("x", retry_after=seconds))[1]
