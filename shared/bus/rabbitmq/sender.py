"""Sending work: everything at once, then every confirm is waited for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from events.topology import QueueSpec
from shared.bus.port import Message
from shared.bus.rabbitmq.session import RETRY_AFTER, Session
from shared.bus.rabbitmq.wire import new_parcel, properties
from shared.errors import TryAgain


class Sender:
    """Publishes to queues on a session. What was confirmed before a failure stays sent: the caller sends all again."""

    def __init__(self, session: Session, queues: Mapping[str, QueueSpec]) -> None:
        self._session = session
        self._queues = queues

    def send(self, work: Sequence[tuple[str, Message]]) -> None:
        """Returns when every message is safe; else TryAgain naming the queues that took not all. Every queue is known.

        A connection that lay idle may be dead without our knowing: what fails on one is tried on a new one, once.
        """
        with self._session.turn():
            idle = self._session.open
            try:
                self._send(work)
            except TryAgain:
                if not idle or self._session.open:
                    raise
                self._send(work)

    def _send(self, work: Sequence[tuple[str, Message]]) -> None:
        confirms = self._session.confirms()
        answers: list[tuple[str, str | None]] = []
        now = time.time()
        for queue, message in work:
            spec = self._queues[queue]
            parcel = new_parcel(message, spec, now)
            lives = None if message.expires_at is None else parcel.dies_at - now

            def answered(why: str | None, queue: str = queue) -> None:
                answers.append((queue, why))

            confirms.publish("", queue, message.body, properties(parcel, spec, lives), answered)
        self._session.wait(lambda: len(answers) == len(work))
        refused = {queue: why for queue, why in answers if why is not None}
        if refused:
            told = "; ".join(f"{queue}: {why}" for queue, why in sorted(refused.items()))
            raise TryAgain(told, retry_after=RETRY_AFTER)
