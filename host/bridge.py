"""The bridge from the bus to the functions: leases work, reads facts, hands them over, and says what became of them.

One task runs rounds. A round asks the bus, in one thread, for as much as the functions can take; what came is
handed over in tasks of its own; what became of it is told to the bus with the next round. Between rounds it sleeps
until a bell of the bus rings, a delivery ends, or something on the bus becomes ready by itself.

 1. done     acknowledged (work) or committed (facts, in order within a partition)
 2. never    work: to the dead letters with the reason; a fact: skipped, kept as a dead letter of its topic
 3. later    after a backoff, and not before the function asked for it
             work: offered again first, within half of its lease and as the same attempt, where the function only has
             no time just now; dead after the delivery limit
             a fact: its partition waits; a fact on which the function fails is skipped with the reason after
             `FACT_ATTEMPTS`, one for which the function only has no time just now after `FACT_PATIENCE`
 4. busy     the function could not take it: offered again, within half of its lease, as the same attempt
 5. away     the gateway does not answer: held, and offered again until it does, as the same attempt
 6. the bus itself cannot: nothing is told, leases run out, all comes again
A crash at any point is case 6. While only one half of the bus cannot (its engine for work, or that for facts), the
other goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from events.topology import QUEUES, QueueSpec
from host.deliver import Call, Verdict
from host.facts import Facts, parts
from host.offers import Offers
from host.subscriptions import Subscription
from shared.bus.backoff import backoff
from shared.bus.doorbell import Bell
from shared.bus.port import Bus, Delivery, Record
from shared.errors import TryAgain

log = logging.getLogger("bridge")

#: A queue takes at most this part of its function, where the function has that many queues.
QUEUE_SHARES = 4
#: The longest sleep: a poke that was lost is noticed then. Seconds.
LONGEST_SLEEP = 2.0
_BUS_DOWN_SECONDS = 1.0
#: What is to be told, and how many of it were.
_Told = tuple[list[Any], int]


class Bridge:
    """Moves messages while it runs. `token` gives a fresh service token for each delivery."""

    def __init__(
        self,
        bus: Bus,
        bells: Sequence[Bell],
        subscriptions: Sequence[Subscription],
        call: Call,
        token: Callable[[], str],
        chores: Callable[[], float] = lambda: math.inf,
        queues: Mapping[str, QueueSpec] = QUEUES,
        on_event: Callable[..., None] = lambda _kind, **_fields: None,
    ) -> None:
        """`chores` runs in the thread of the bus in each round, and says after how many seconds it wants another one;
        `on_event(kind, **fields)` hears retried, buried and skipped."""
        self._bus = bus
        self._bells = bells
        self._subscriptions = subscriptions
        self._chores = chores
        self._queues = queues
        self._on_event = on_event
        self._thread = ThreadPoolExecutor(1, "bus")
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: dict[str, int] = defaultdict(int)
        self._gathering: dict[str, float] = {}
        self._acks: list[Delivery] = []
        self._told: list[Callable[[], object]] = []
        self._told_of_facts: list[Callable[[], object]] = []
        self._offer = Offers(call, token, self._hold)
        self._facts = Facts(bus, self._offer, lambda told: self._told_of_facts.append(told), on_event)
        self._runner: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; call inside the running loop."""
        for bell in self._bells:
            asyncio.get_running_loop().add_reader(bell.fileno(), self._rung, bell)
        self._runner = asyncio.create_task(self._rounds())

    async def stop(self, grace: float) -> None:
        """Take nothing new; wait for what is under way, `grace` seconds at most; tell the bus."""
        # Told, not cancelled: a cancellation that meets a wake-up is lost in `wait_for` (Python 3.11).
        self._stopping = True
        self._wake.set()
        if self._runner is not None:
            await self._runner
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        try:
            await self._in_thread(self._tell)
        except TryAgain as error:
            log.warning("the bus could not be told at the end, leases will run out: %s", error.detail)
        for bell in self._bells:
            asyncio.get_running_loop().remove_reader(bell.fileno())
            bell.close()
        await self._in_thread(self._bus.close)
        self._thread.shutdown()

    def _rung(self, bell: Bell) -> None:
        bell.silence()
        self._wake.set()

    async def _rounds(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                sleep = await self._round()
            except TryAgain as error:
                log.warning("the bus cannot be used now: %s", error.detail)
                sleep = _BUS_DOWN_SECONDS
            except Exception:  # the boundary: a bridge that stops in silence would stop the house
                log.error("a round of the bridge failed", exc_info=True)
                sleep = _BUS_DOWN_SECONDS
            if sleep > 0 and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), sleep)

    async def _round(self) -> float:
        """One round; returns for how long there is nothing to do, in seconds."""
        sleep: float
        work, facts, sleep = await self._in_thread(self._ask)
        for subscription, deliveries in work:
            for part in parts(deliveries, subscription.batch):
                self._spawn(part[0].queue, len(part), self._work(subscription, part))
        for subscription, records in facts:
            for lane in self._facts.lanes(subscription, records):
                self._spawn(subscription.function, 1, self._facts.hand_over(subscription, lane))
        return sleep

    def _ask(self) -> tuple[list[Any], list[Any], float]:
        """In the thread of the bus: tell what became of the last ones, and take new ones; and for how many seconds
        there is nothing to do."""
        refusals: list[TryAgain] = []
        again = math.inf
        try:
            again = self._chores()
        except TryAgain as error:  # a database that is locked must not keep the bus from moving
            log.warning("chores must wait: %s", error.detail)
        work = self._half(refusals, self._tell_of_work, self._take_work)
        facts = self._half(refusals, self._tell_of_facts, self._take_facts)
        if refusals and not (work or facts):
            raise refusals[0]
        if facts or refusals:  # of a partition that was just read there may be more; of work all was taken
            return work, facts, 0.0
        return work, facts, max(0.0, min(LONGEST_SLEEP, again, *self._moments()))

    def _moments(self) -> Iterator[float]:
        """In how many seconds something becomes ready by itself."""
        if (wakeup := self._bus.next_wakeup()) is not None:
            yield wakeup - time.time()
        now = time.monotonic()
        yield from (until - now for until in self._gathering.values() if until > now)

    def _half(
        self, refusals: list[TryAgain], tell: Callable[[], list[_Told]], take: Callable[[list[Any]], None]
    ) -> list[Any]:
        """Tell one half of the bus, then take from it, as one where the engine can. What another gave before it failed
        is handed over: else it would be nobody's until its lease ran out."""
        taken: list[Any] = []
        told: list[_Told] = []
        try:
            with self._bus.together():
                if self._try(refusals, lambda: told.extend(tell())):
                    self._try(refusals, lambda: take(taken))
        except TryAgain as error:  # all of it was undone: it is told again, as is what an engine may have missed
            refusals.append(error)
            return []
        for kept, count in told:
            del kept[:count]
        return taken

    def _try(self, refusals: list[TryAgain], act: Callable[[], None]) -> bool:
        try:
            act()
        except TryAgain as error:
            refusals.append(error)
            return False
        return True

    def _take_work(self, work: list[tuple[Subscription, list[Delivery]]]) -> None:
        """Lease for each function as much as it can take."""
        for subscription in self._subscriptions:
            for queue in subscription.queues:
                free = self._free(subscription, queue)
                if free > 0:
                    got = self._bus.lease(queue, free, subscription.lease)
                    if got:
                        work.append((subscription, got))

    def _take_facts(self, facts: list[tuple[Subscription, list[Record]]]) -> None:
        """Read for each function as much as it has room for; a reading of nothing keeps it in its group."""
        now = time.monotonic()
        for subscription in self._subscriptions:
            function = subscription.function
            if not subscription.topics or now < self._gathering.get(function, 0.0):
                continue
            limit = max(subscription.batch, 16) if self._busy[function] < subscription.width else 0
            records = self._bus.read(subscription.topics, function, limit, subscription.lease)
            if records:
                facts.append((subscription, records))
                if len(records) < subscription.batch:
                    self._gathering[function] = now + subscription.gather

    def _free(self, subscription: Subscription, queue: str) -> int:
        """How many messages of a queue its function can take: one slow queue leaves room for the others."""
        whole = subscription.width * subscription.batch
        share = max(1, whole // min(len(subscription.queues), QUEUE_SHARES))
        return share - self._busy[queue]

    def _tell(self) -> None:
        refusals: list[TryAgain] = []
        self._half(refusals, self._tell_of_work, lambda _: None)
        self._half(refusals, self._tell_of_facts, lambda _: None)
        if refusals:
            raise refusals[0]

    def _tell_of_work(self) -> list[_Told]:
        acks = self._acks[:]
        if acks:
            self._bus.ack(acks)
        return [(self._acks, len(acks)), *_work_off(self._told)]

    def _tell_of_facts(self) -> list[_Told]:
        return _work_off(self._told_of_facts)

    async def _in_thread(self, ask: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask)

    def _spawn(self, place: str, size: int, work: Coroutine[Any, Any, None]) -> None:
        self._busy[place] += size
        task = asyncio.create_task(work)
        self._tasks.add(task)

        def over(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self._busy[place] -= size
            if not done.cancelled() and done.exception() is not None:
                log.error("a delivery from %s failed", place, exc_info=done.exception())
            self._wake.set()

        task.add_done_callback(over)

    # --- work -------------------------------------------------------------------------------------

    async def _work(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        verdicts = await self._offer(subscription, deliveries, max(one.attempt for one in deliveries))
        for delivery, verdict in zip(deliveries, verdicts, strict=True):
            self._settle(delivery, verdict)

    def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        if verdict.kind == "done":
            self._acks.append(delivery)
            return
        fields = {"queue": delivery.queue, "id": delivery.message.id, "reason": verdict.reason}
        if verdict.kind == "never":
            self._told.append(lambda: self._bus.bury(delivery, verdict.reason))
            self._on_event("buried", **fields)
        else:
            self._told.append(lambda: self._bus.retry(delivery, verdict.reason, self._delay(delivery, verdict)))
            self._on_event("retried", attempt=delivery.attempt, **fields)

    def _delay(self, delivery: Delivery, verdict: Verdict) -> float:
        queue = self._queues[delivery.queue]
        wait = backoff(delivery.attempt, queue.retry_base, queue.retry_max, random.random)
        return max(wait, verdict.delay or 0.0)

    def _hold(self, items: Sequence[Delivery | Record], seconds: float) -> None:
        """Keep work for longer. A partition whose lease ran out is read again, which counts as no attempt."""
        for item in items:
            if isinstance(item, Delivery):
                self._told.append(partial(self._bus.extend, item, seconds))
        self._wake.set()


def _work_off(told: list[Callable[[], object]]) -> list[_Told]:
    count = len(told)
    for tell in told[:count]:
        tell()
    return [(told, count)]
