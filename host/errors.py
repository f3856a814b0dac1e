"""Errors that only the front door knows, beside the tree of `shared/errors.py`; each is one HTTP status."""

from __future__ import annotations

from shared.errors import HouseError, Malformed, NotFound, TryAgain


class MethodNotAllowed(NotFound):
    """Raised when the path is known and the method is not; `allow` lists the methods that are."""

    status = 405
    title = "Method not allowed"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(f"this path answers {', '.join(allow) or 'nothing'}")
        self.allow = allow


class Slow(Malformed):
    """Raised when the caller sends its request more slowly than the door waits."""

    status = 408
    title = "The request came too slowly"


class HeadTooLarge(Malformed):
    """Raised when a request has more or longer header fields than the door takes."""

    status = 431
    title = "The header fields are too large"


class Unsupported(Malformed):
    """Raised when a request uses a part of HTTP that the door does not speak."""

    status = 501
    title = "Not supported"


class BadVersion(Malformed):
    """Raised when a request speaks another version than HTTP/1.0 or HTTP/1.1."""

    status = 505
    title = "HTTP version not supported"


class Died(TryAgain):
    """Raised when a function's process ended, or spoke no HTTP, after it was given the call."""

    status = 502
    title = "The function ended before it answered"


class Unreachable(TryAgain):
    """Raised when the gateway itself does not answer: that says nothing of the function or of what it was to get."""

    title = "The gateway does not answer"


class OverTime(HouseError):
    """Raised when one call ran longer than the function's `timeout`: its process was killed."""

    status = 504
    title = "The function took too long"
    exit_code = 75
