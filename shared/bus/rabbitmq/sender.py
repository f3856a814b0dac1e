"""Sending work: everything at once, then every confirm is waited for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from events.topology import QueueSpec
from shared.bus.port import Message, NotSent
from shared.bus.rabbitmq.session import RETRY_AFTER, Session
from shared.bus.rabbitmq.wire import new_parcel, properties
from shared.errors import TryAgain


class Sender:
    """Publishes to queues on a session. What was confirmed before a failure stays sent."""

    def __init__(self, session: Session, queues: Mapping[str, QueueSpec]) -> None:
        self._session = session
        self._queues = queues

    def send(self, work: Sequence[tuple[str, Message]]) -> None:
        """Returns when every message is safe; else `NotSent` naming the queues that took not all. Every queue is known.

        A connection that lay idle may be dead without our knowing: what fails on one is tried on a new one, once.
        """
        with self._session.turn():
            idle = self._session.open
            left = dict(enumerate(work))
            try:
                try:
                    self._send(left)
                except TryAgain:
                    if not idle or self._session.open:
                        raise
                    self._send(left)
            except TryAgain as error:
                ids = [message.id for _, message in left.values()]
                raise NotSent(error.detail, ids, retry_after=error.retry_after) from error

    def _send(self, left: dict[int, tuple[str, Message]]) -> None:
        """Send what is left. What is safe is left no more, also when this fails."""
        confirms = self._session.confirms()
        refused: dict[str, str] = {}
        waiting = set(left)
        now = time.time()
        for number, (queue, message) in list(left.items()):
            spec = self._queues[queue]
            parcel = new_parcel(message, spec, now)
            lives = None if message.expires_at is None else parcel.dies_at - now

            def answered(why: str | None, number: int = number, queue: str = queue) -> None:
                waiting.discard(number)
                if why is None:
                    del left[number]
                else:
                    refused[queue] = why

            confirms.publish("", queue, message.body, properties(parcel, spec, lives), answered)
        self._session.wait(lambda: not waiting)
        if refused:
            told = "; ".join(f"{queue}: {why}" for queue, why in sorted(refused.items()))
            raise TryAgain(told, retry_after=RETRY_AFTER)
