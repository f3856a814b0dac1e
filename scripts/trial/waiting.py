"""Waiting for a condition, never for a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

WAIT_SECONDS = 40.0
_PAUSE_SECONDS = 0.02
T = TypeVar("T")


class NotInTime(AssertionError):
    """Raised when a condition did not come about; the text says which, and what was seen last."""


def wait_for(ask: Callable[[], T], what: str, seconds: float = WAIT_SECONDS) -> T:
    """Ask until the answer is true. Raises `NotInTime` saying what was awaited and what was seen last."""
    until = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > until:
            raise NotInTime(f"waited {seconds:.0f} s for {what}; saw {answer!r}")
        time.sleep(_PAUSE_SECONDS)  # a poll between two looks at a condition


def free_port() -> int:
    """A port of the loopback interface that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
