"""A connection that stays: in a thread of its own, heartbeats answered, made again when it breaks."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from shared.bus.backoff import backoff
from shared.bus.rabbitmq.address import Address
from shared.bus.rabbitmq.session import describe, leave

log = logging.getLogger("bus.rabbitmq")

TICK_SECONDS = 0.1
_SHORTEST_PAUSE, _BACKOFF_BASE, _LONGEST_PAUSE = 0.1, 0.2, 15.0
_STOP_SECONDS = 5.0


def pause(attempt: int) -> float:
    """Seconds before attempt number `attempt` + 1 to open what failed."""
    return _SHORTEST_PAUSE + backoff(attempt, _BACKOFF_BASE, _LONGEST_PAUSE, random.random)


class Line:
    """Calls `up(connection)`, `down(why)` and, about every `TICK_SECONDS`, `tick()`, all in its thread."""

    def __init__(
        self, address: Address, up: Callable[[Any], None], down: Callable[[str], None], tick: Callable[[], None]
    ) -> None:
        self._address = address
        self._up, self._down, self._tick = up, down, tick
        self._posted: deque[Callable[[], None]] = deque()
        self._gate = threading.Lock()  # no loop is closed while somebody posts to it
        self._connection: Any = None
        self._open = False
        self._why = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rabbitmq", daemon=True)
        self._thread.start()

    def post(self, act: Callable[[], None]) -> None:
        """Run `act` in the thread of the line: soon, or when the connection is down again."""
        self._posted.append(act)
        with self._gate:
            if self._connection is not None:
                self._connection.ioloop.add_callback_threadsafe(self._work_off)

    def stop(self) -> None:
        """Do what was posted, say good-bye, end the thread."""
        self._stopping.set()
        self.post(self._hang_up)
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            self._why, self._open = "", False
            try:
                self._connect_and_stay()
            except Exception as error:  # the boundary: a consumer that ends in silence would be stuck for ever
                log.error("the connection to %s failed", self._address, exc_info=True)
                self._why = type(error).__name__
            attempt = 1 if self._open else attempt + 1
            self._open = False
            self._leave()
            if not self._stopping.is_set():
                wait = pause(attempt)
                log.warning("%s: %s; again in %.1f s", self._address, self._why, wait)
                self._stopping.wait(wait)

    def _connect_and_stay(self) -> None:
        from pika import SelectConnection

        connection = SelectConnection(
            self._address.parameters("consumer", self._address.heartbeat),
            on_open_callback=self._opened,
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
        )
        with self._gate:
            self._connection = connection
        if not self._stopping.is_set():
            self._connection.ioloop.start()

    def _opened(self, connection: Any) -> None:
        self._open = True
        self._up(connection)
        self._ticked()
        self._work_off()

    def _ended(self, connection: Any, error: BaseException) -> None:
        self._why = describe(error)
        connection.ioloop.stop()

    def _ticked(self) -> None:
        self._tick()
        self._connection.ioloop.call_later(TICK_SECONDS, self._ticked)

    def _work_off(self) -> None:
        while self._posted:
            self._posted.popleft()()

    def _hang_up(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.is_open:
            connection.close()
        elif not connection.is_closing:
            connection.ioloop.stop()  # it still connects: it is left

    def _leave(self) -> None:
        """Let go of what is left of the connection, and tell."""
        with self._gate:
            connection, self._connection = self._connection, None
        try:
            self._down(self._why)
            self._work_off()
        except Exception:  # the same boundary
            log.error("the end of a connection to %s failed", self._address, exc_info=True)
        if connection is not None:
            leave(connection)
