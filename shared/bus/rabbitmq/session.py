"""A connection that is driven by whoever waits for it, in the caller's own thread: for sending and for looking.

It asks for no heartbeats, for nobody answers them between two calls.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared.bus.rabbitmq.address import Address
from shared.bus.rabbitmq.confirms import Confirms
from shared.errors import TryAgain

log = logging.getLogger("bus.rabbitmq")

RETRY_AFTER = 1.0
_FAREWELL_SECONDS = 1.0


class Refused(Exception):
    """Raised when the broker says no to one question, with AMQP's `code` (404: not there) and its words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Session:
    """Opened by the first call that needs it. TryAgain when the broker is not there, or not in `patience` seconds.

    Threads take turns: whatever belongs together is done within one `turn`.
    """

    def __init__(self, address: Address, purpose: str, patience: float = 10.0) -> None:
        self._address = address
        self._purpose = purpose
        self._patience = patience
        self._connection: Any = None
        self._confirms: Confirms | None = None
        self._questions: Any = None
        self._lost: str | None = None
        self._process = 0
        self._turn = (os.getpid(), threading.RLock())

    @property
    def open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None and self._lost is None and self._process == os.getpid()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else's while the block lasts. TryAgain when others take longer than the patience."""
        if self._turn[0] != os.getpid():  # who held it before a fork is not here
            self._turn = (os.getpid(), threading.RLock())
        lock = self._turn[1]
        if not lock.acquire(timeout=self._patience):
            raise TryAgain(f"{self._address}: others are using the connection", retry_after=RETRY_AFTER)
        try:
            yield
        finally:
            lock.release()

    def version(self) -> tuple[int, ...]:
        """The broker's version by its own word."""
        self.connect()
        text = str(self._connection.server_properties.get("version", "0"))
        return tuple(int(part) for part in text.split("-")[0].split(".") if part.isdigit())

    def connect(self) -> None:
        """Make sure that there is a connection. One that was open before a fork is left to the other side."""
        if self.open:
            return
        self._drop()
        from pika import SelectConnection

        self._process, self._lost, self._confirms, self._questions = os.getpid(), None, None, None
        opened: list[Any] = []
        self._connection = SelectConnection(
            self._address.parameters(self._purpose, heartbeat=0),
            on_open_callback=opened.append,
            on_open_error_callback=lambda _connection, error: self._lose(error),
            on_close_callback=lambda _connection, error: self._lose(error),
        )
        self.wait(lambda: bool(opened))

    def channel(self) -> Any:
        """A new channel."""
        self.connect()
        opened: list[Any] = []
        self._connection.channel(on_open_callback=opened.append)
        self.wait(lambda: bool(opened))
        return opened[0]

    def confirms(self) -> Confirms:
        """The session's own channel for publishing."""
        self.connect()
        if self._confirms is None:
            self._confirms = Confirms(self.channel())
        return self._confirms

    def ask(self, question: Callable[[Any, Callable[[Any], None]], object]) -> Any:
        """One question, `question(channel, done)`, and the frame that answers it. Raises Refused."""
        self.connect()
        if self._questions is None or not self._questions.is_open:
            self._questions = self.channel()
        answers: list[Any] = []
        ends: list[Any] = []
        self._questions.add_on_close_callback(lambda _channel, error: ends.append(error))
        question(self._questions, answers.append)
        self.wait(lambda: bool(answers or ends))
        if answers:
            return answers[0]
        raise Refused(int(getattr(ends[0], "reply_code", 0)), describe(ends[0]))

    def sleep(self, seconds: float) -> None:
        """Let time pass, reading and writing meanwhile."""
        until = time.monotonic() + seconds
        self._connection.ioloop.call_later(seconds, _nothing)
        self.wait(lambda: time.monotonic() >= until)

    def wait(self, done: Callable[[], bool], patience: float | None = None) -> None:
        """Read and write until `done()`. TryAgain, and the connection is dropped, when it breaks or takes too long."""
        loop = self._connection.ioloop
        deadline = time.monotonic() + (self._patience if patience is None else patience)
        try:
            loop.activate_poller()
            while True:
                left = deadline - time.monotonic()
                if self._lost is not None or left <= 0:
                    raise TryAgain(f"{self._address}: {self._lost or 'no answer in time'}", retry_after=RETRY_AFTER)
                if done():
                    break
                timer = loop.call_later(left, _nothing)
                loop.poll()
                loop.process_timeouts()
                loop.remove_timeout(timer)
            loop.deactivate_poller()
        except BaseException:
            loop.deactivate_poller()
            self._drop()
            raise

    def close(self) -> None:
        """Say good-bye and let go; the next call opens it again."""
        with self.turn():
            self._drop()

    def _lose(self, error: BaseException) -> None:
        self._lost = describe(error)
        if self._confirms is not None:
            self._confirms.give_up(self._lost)

    def _drop(self) -> None:
        connection, self._connection, self._confirms, self._questions = self._connection, None, None, None
        if connection is not None and self._process == os.getpid():
            leave(connection)


def leave(connection: Any) -> None:
    """Say good-bye to a broker that answers, and go anyway; from the thread that drove the connection."""
    loop = connection.ioloop
    loop.activate_poller()
    try:
        if connection.is_open:
            connection.close()
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while connection.is_closing and time.monotonic() < deadline:
            loop.call_later(_FAREWELL_SECONDS, _nothing)
            loop.poll()
            loop.process_timeouts()
        if not connection.is_closed:  # pika has no public word for leaving a broker that does not answer
            connection._terminate_stream(TimeoutError())
            loop.process_timeouts()
    except Exception:  # the boundary: pika fails in ways of its own when it is left while it connects
        log.debug("a connection ended badly", exc_info=True)
    loop.deactivate_poller()
    loop.close()


def describe(error: BaseException | None) -> str:
    """What went wrong, without addresses or credentials: the broker's own words, or the kind of error."""
    text = str(getattr(error, "reply_text", "") or "")
    if text:
        return text
    inner = getattr(error, "exceptions", None) or getattr(error, "args", None) or ()
    last = inner[-1] if inner else None
    if isinstance(last, BaseException):
        return describe(last)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _nothing() -> None:
    """A timer only ends the wait."""
