"""Offering messages to a function until it says something that counts: done, never, or later."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence

from host.deliver import Call, Verdict, again_soon, deliver
from host.subscriptions import Subscription
from shared.bus.port import Delivery, Record
from shared.errors import HouseError

log = logging.getLogger("bridge")


class Offers:
    """Called with what is to be handed over; a bridge has one."""

    def __init__(
        self, call: Call, token: Callable[[], str], hold: Callable[[Sequence[Delivery | Record], float], None]
    ) -> None:
        """`token` gives a fresh service token for each delivery; `hold(items, seconds)` keeps their leases while the
        gateway is away."""
        self._call = call
        self._token = token
        self._hold = hold
        self._away = False

    async def __call__(
        self, subscription: Subscription, items: Sequence[Delivery | Record], attempt: int
    ) -> list[Verdict]:
        """One verdict each, in order. A function that is busy, or of work cannot just now, is asked again within half
        of the lease, and a gateway that is away until it answers: neither counts as an attempt."""
        messages = [item.message for item in items]
        until = time.monotonic() + subscription.lease / 2
        taken_at = items[0].taken_at if isinstance(items[0], Record) else None
        while True:
            try:
                verdicts = await deliver(
                    self._call, subscription.function, self._token(), messages, attempt,
                    batch=subscription.batch > 1, taken_at=taken_at,
                )  # fmt: skip
            except HouseError as error:  # no token can be made just now
                return [Verdict("later", error.detail)] * len(items)
            self._note_gateway(verdicts[0])
            if not again_soon(verdicts, work=isinstance(items[0], Delivery)):
                return verdicts
            if time.monotonic() > until:
                if verdicts[0].kind != "away":
                    return [verdict._replace(kind="later") for verdict in verdicts]
                self._hold(items, subscription.lease)
                until = time.monotonic() + subscription.lease / 2
            pause = (verdicts[0].delay or 1.0) * (0.5 + random.random())
            await asyncio.sleep(min(pause, subscription.lease / 4))  # the lease must not run out meanwhile

    def _note_gateway(self, verdict: Verdict) -> None:
        away = verdict.kind == "away"
        if away != self._away:
            self._away = away
            log.warning("%s", verdict.reason if away else "the gateway answers again")
