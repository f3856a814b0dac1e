"""The errors of the house: one small tree, mapped to HTTP, to acknowledgements and to exit codes in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input: the field by its path (`lines[2].quantity`) and the rule it broke."""

    field: str
    rule: str


class HouseError(Exception):
    """Base of every error that a function may raise on purpose; `status` is its HTTP status."""

    status = 500
    title = "Something failed"
    exit_code = 70

    def __init__(self, detail: str, *, problems: tuple[Problem, ...] = (), retry_after: float | None = None) -> None:
        """`detail` is shown to the caller: it holds no secret. `retry_after` is in seconds."""
        super().__init__(detail)
        self.detail = detail
        self.problems = problems
        self.retry_after = retry_after


class Invalid(HouseError):
    """Raised when an input breaks a rule and will break it again: never retried."""

    status = 422
    title = "The input is not valid"
    exit_code = 65

    @classmethod
    def field(cls, field: str, rule: str) -> Invalid:
        """The usual form: one field, one rule."""
        return cls.together([Problem(field, rule)])

    @classmethod
    def together(cls, problems: Iterable[Problem]) -> Invalid:
        """All that is wrong with one input, in one error."""
        told = tuple(problems)
        return cls("; ".join(f"{problem.field}: {problem.rule}" for problem in told), problems=told)


class Malformed(Invalid):
    """Raised when an input cannot be read at all (not JSON, not a CloudEvent)."""

    status = 400
    title = "The input cannot be read"


class TooLarge(Invalid):
    """Raised when a body is larger than the limit."""

    status = 413
    title = "The input is too large"


class Unauthenticated(HouseError):
    """Raised when the caller proves no identity, or proves it badly."""

    status = 401
    title = "Sign in first"
    exit_code = 77


class Forbidden(HouseError):
    """Raised when the caller is known and lacks the permission."""

    status = 403
    title = "Not permitted"
    exit_code = 77


class NotFound(HouseError):
    """Raised when nothing of this tenant has that id; a foreign tenant's id looks the same."""

    status = 404
    title = "Not found"
    exit_code = 66


class Conflict(HouseError):
    """Raised when the thing changed, or was decided, since the caller looked."""

    status = 409
    title = "Conflict"
    exit_code = 65


class TryAgain(HouseError):
    """Raised when the same call may well succeed later (busy, locked, unreachable)."""

    status = 503
    title = "Try again later"
    exit_code = 75


class Failed(TryAgain):
    """Raised for an event when its function failed by a fault of ours: it comes again, but not for ever."""

    title = "The function failed"


class Busy(TryAgain):
    """Raised when all that could take a call is taken: nothing of the call was begun, and nothing is wrong."""

    title = "Busy"


class RateLimited(TryAgain):
    """Raised when a caller asks more often than it may."""

    status = 429
    title = "Too many requests"
