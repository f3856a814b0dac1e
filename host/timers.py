"""Functions that a clock wakes: each at its own rhythm, never twice at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from events.envelope import STRUCTURED, Envelope
from events.work import TimerFired
from host.deliver import Call
from host.subscriptions import Subscription
from shared.errors import HouseError

log = logging.getLogger("timers")


class Timers:
    """Fires while it runs. A firing that fails is logged; the next one comes at its time."""

    def __init__(self, subscriptions: Sequence[Subscription], call: Call, token: Callable[[], str]) -> None:
        """Takes those subscriptions that have a rhythm."""
        self._subscriptions = [one for one in subscriptions if one.every]
        self._call = call
        self._token = token
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; the first firing of each comes after one interval."""
        self._tasks = [asyncio.create_task(self._run(one)) for one in self._subscriptions]

    async def stop(self) -> None:
        """No more firings; one that is under way is left to its function."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, subscription: Subscription) -> None:
        while True:
            await asyncio.sleep(subscription.every)
            await self.fire(subscription.function)

    async def fire(self, function: str) -> None:
        """Wake a function now."""
        now = datetime.now(UTC)
        event = TimerFired(function=function, due_at=now)
        envelope = Envelope(id=f"{function}@{now.isoformat()}", source="/bizosaas/timer", event=event, time=now)
        headers = [(b"content-type", STRUCTURED.encode()), (b"authorization", b"Bearer " + self._token().encode())]
        try:
            answer = await self._call(function, headers, envelope.encode())
        except HouseError as error:
            log.warning("the timer of %s could not fire: %s", function, error.detail)
            return
        if answer.status >= 300:
            log.warning("the timer of %s was answered with %d", function, answer.status)
