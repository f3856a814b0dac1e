"""The dead-letter queues: look, replay, discard.

A queue can only be read by taking its messages, so whoever looks takes them all for a moment, exclusively, and gives
them back by closing the channel; meanwhile others are told to try again.
"""

from __future__ import annotations

import dataclasses
import heapq
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from events.topology import QueueSpec
from shared.bus.port import DeadLetter, DeadLetters
from shared.bus.rabbitmq.session import RETRY_AFTER, Refused, Session, describe
from shared.bus.rabbitmq.wire import read_dead_letter
from shared.errors import Invalid, NotFound, TryAgain

_CURSOR = re.compile(r"(?P<moment>[0-9]+\.[0-9]+)/(?P<dead_id>.+)")
_LOOK_SECONDS = 60.0
_RETURN_SECONDS = 2.0


class _Taken:
    """A queue that nobody else may read while this lasts. `left` is how many messages it goes back with."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self.left = ready(session, name)
        self.channel = session.channel()

    def read(self, spec: QueueSpec, look: Callable[[int, DeadLetter], bool]) -> None:
        """Show each letter, oldest first, with its tag, until `look` says that it is enough."""
        ends: list[BaseException] = []
        shown = [0, False]

        def arrived(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            shown[0] += 1
            shown[1] = shown[1] or look(method.delivery_tag, read_dead_letter(properties, body, spec))

        self.channel.add_on_close_callback(lambda _channel, error: ends.append(error))
        self.channel.basic_consume(self._name, arrived, exclusive=True)
        self._session.wait(lambda: shown[0] >= self.left or bool(shown[1] or ends), _LOOK_SECONDS)
        if ends:
            raise TryAgain(f"{self._name}: {describe(ends[0])}", retry_after=RETRY_AFTER)

    def take_out(self, tag: int) -> None:
        """For good."""
        self.channel.basic_ack(tag)
        self.left -= 1


class DeadLetterQueues:
    """Reads the `<queue>.dlq` of a topology over one session."""

    def __init__(self, session: Session, queues: Mapping[str, QueueSpec]) -> None:
        self._session = session
        self._queues = queues

    def page(self, origin: str, limit: int, cursor: str | None) -> DeadLetters:
        """See `DeadLetterOffice.dead_letters`. The whole queue is read for it."""
        if limit < 1:
            raise Invalid.field("limit", "must be at least 1")
        if origin not in self._queues:
            raise Invalid.field("origin", f"{origin!r} is not in the topology")
        before = _place(cursor)
        newest: list[tuple[tuple[float, str], int, DeadLetter]] = []

        def look(tag: int, letter: DeadLetter) -> bool:
            if (place := _order(letter)) < before:
                entry = (place, tag, letter)
                (heapq.heappush if len(newest) <= limit else heapq.heappushpop)(newest, entry)
            return False

        with self._taken(self._queues[origin].dead_letter) as queue:
            queue.read(self._queues[origin], look)
        letters = [letter for *_, letter in sorted(newest, reverse=True)]
        items = letters[:limit]
        return DeadLetters(items, _cursor(items[-1]) if len(letters) > limit else None)

    def remove(self, dead_id: str, before: Callable[[DeadLetter], None]) -> DeadLetter:
        """Do `before` with it, then take it out. NotFound if it is not there."""
        spec = self._queues.get(dead_id.rpartition(".")[0])
        found: list[tuple[int, DeadLetter]] = []

        def look(tag: int, letter: DeadLetter) -> bool:
            if letter.id == dead_id:
                found.append((tag, letter))
            return bool(found)

        if spec is not None:
            with self._taken(spec.dead_letter) as queue:
                queue.read(spec, look)
                for tag, letter in found:
                    before(letter)
                    queue.take_out(tag)
        if not found:
            raise NotFound(f"no dead letter has the id {dead_id}")
        return found[0][1]

    @contextmanager
    def _taken(self, name: str) -> Iterator[_Taken]:
        """The queue for us alone, until the block ends."""
        queue = _Taken(self._session, name)
        try:
            yield queue
        finally:
            if self._session.open and queue.channel.is_open:
                queue.channel.close()
                self._session.wait(lambda: bool(queue.channel.is_closed))
                self._wait_for_return(name, queue.left)

    def _wait_for_return(self, queue: str, count: int) -> None:
        """The broker gives messages back soon after the channel has closed: whoever looks next is to see them all."""
        deadline = time.monotonic() + _RETURN_SECONDS
        while ready(self._session, queue) < count and time.monotonic() < deadline:
            self._session.sleep(0.005)


def ready(session: Session, queue: str) -> int:
    """How many messages of a queue wait. TryAgain, saying so, where it is not declared."""
    try:
        frame = session.ask(lambda channel, done: channel.queue_declare(queue, passive=True, callback=done))
    except Refused as error:
        raise TryAgain(f"{queue}: {error.text}", retry_after=RETRY_AFTER) from None
    return int(frame.method.message_count)


def as_new(letter: DeadLetter) -> DeadLetter:
    """The letter whose message can live again: an `expires_at` that has passed is dropped."""
    message = letter.message
    if message.expires_at is not None and message.expires_at <= time.time():
        message = dataclasses.replace(message, expires_at=None)
    return dataclasses.replace(letter, message=message)


def _order(letter: DeadLetter) -> tuple[float, str]:
    return letter.died_at, letter.id


def _cursor(letter: DeadLetter) -> str:
    return f"{letter.died_at!r}/{letter.id}"


def _place(cursor: str | None) -> tuple[float, str]:
    if cursor is None:
        return float("inf"), ""
    form = _CURSOR.fullmatch(cursor)
    if form is None:
        raise Invalid.field("cursor", "is not one that this bus gave")
    return float(form["moment"]), form["dead_id"]
