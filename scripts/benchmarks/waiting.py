"""Waiting for a condition, and calling over HTTP with an eye on the clock."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(ask: Callable[[], T], what: str, seconds: float = 60.0, pause: float = 0.01) -> T:
    """Ask until the answer is true. Raises `TimeoutError` saying what was awaited."""
    until = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)
    return answer


def free_port() -> int:
    """A port of the loopback interface that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Caller:
    """One kept connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        """Connects at the first call."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def __call__(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """One request; the status and the body. Header names are written with `_` for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, fields)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """Hang up; the next call connects again."""
        self._connection.close()


def first_answer(port: int, method: str, path: str, body: bytes | None, **headers: str) -> int:
    """The status of the first answer of a server that is still starting: asks until it accepts."""
    caller = Caller(port)

    def ask() -> int:
        try:
            return caller(method, path, body, **headers)[0]
        except ConnectionRefusedError:
            caller.close()
            return 0

    try:
        return wait_for(ask, f"a server on port {port}", pause=0.001)
    finally:
        caller.close()
