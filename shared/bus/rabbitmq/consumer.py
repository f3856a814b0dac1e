"""Leases on RabbitMQ: the deliveries of one connection, for one user of the bus.

 1. Each queue that is leased from has a channel of its own (a lane), so that what befalls one befalls no other. What
    arrives waits in the lane, `prefetch` of it at most, and rings.
 2. A channel that ends (its queue is gone, the broker waited too long) is opened again after a backoff; so is the
    connection. What was leased on it is lost to the lessee: the broker gives it to the next, as the same attempt.
 3. What leaves a lane by another way than an acknowledgement is published first, and acknowledged when that is
    confirmed. A crash between the two doubles a message; nothing loses one.
 4. A lease that runs out goes back to its queue as the next attempt, also while the user of the bus hangs.
 5. A lane to which nothing came for `FRESH_SECONDS` is opened anew: a broker can forget a consumer (a queue that is
    deleted and made again at once), and then nothing else would tell.
 6. What waits in a lane from which nobody leases for `IDLE_SECONDS` goes back to the broker, for other consumers.

`_lanes`, `_held`, `_asked` and `_down` are shared by two threads and kept by the lock; whatever begins with `_on`
or touches a channel runs in the thread of the line.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from events.topology import QueueSpec
from shared.bus.port import EXPIRED, LEASE_RAN_OUT, Delivery
from shared.bus.rabbitmq.address import Address
from shared.bus.rabbitmq.confirms import Confirms
from shared.bus.rabbitmq.layout import IDLE_SECONDS
from shared.bus.rabbitmq.leases import Arrival, Lane, Lease
from shared.bus.rabbitmq.line import Line, pause
from shared.bus.rabbitmq.moves import Move, retried
from shared.bus.rabbitmq.session import RETRY_AFTER, describe, log
from shared.errors import TryAgain

FRESH_SECONDS = 60.0
CONNECT_SECONDS = 5.0  # how long the first call waits for a connection
MOVE_SECONDS = 10.0  # how long a move waits for its confirm
_AGAIN_SECONDS = 1.0  # when a move that was refused is tried again
_LOST = "the lease is lost"


class Consumer:
    """See the module. `ring` is called from another thread when something came to an empty lane."""

    def __init__(
        self, address: Address, queues: Mapping[str, QueueSpec], prefetch: int, ring: Callable[[], None]
    ) -> None:
        self._address = address
        self._queues = queues
        self._prefetch = prefetch
        self._ring = ring
        self._lock = threading.Lock()
        self._lanes: dict[str, Lane] = {}
        self._held: dict[str, Lease] = {}
        self._asked: dict[str, float] = {}
        self._serials = itertools.count(1)
        self._connection: Any = None
        self._confirms: Confirms | None = None
        self._first = threading.Event()
        self._down = ""
        self._line = Line(address, self._on_up, self._on_down, self._on_tick)

    # --- for the user's thread ----------------------------------------------------------------------

    def lease(self, queue: str, limit: int, seconds: float) -> list[Delivery]:
        """What has arrived, `limit` at most. TryAgain while there is no connection. A queue that cannot be consumed is
        logged, and gives nothing: the others go on."""
        if not self._first.wait(CONNECT_SECONDS):
            raise TryAgain(f"{self._address}: there is no connection yet", retry_after=RETRY_AFTER)
        now = time.time()
        with self._lock:
            new = queue not in self._asked
            self._asked[queue] = now
            lane = self._lanes.get(queue)
            leases, expired = self._take(lane, limit, now, now + seconds) if lane else ([], [])
            why = self._down
        if new:
            self._line.post(partial(self._open_lane, queue, 1))
        if lane and lane.paused:
            self._line.post(partial(self._resume, lane))
        for lease in expired:
            self._line.post(partial(self._move, lease, retried(lease, EXPIRED, 0, now), None))
        if why and not leases:
            raise TryAgain(f"{self._address}: {why}", retry_after=RETRY_AFTER)
        return [lease.delivery for lease in leases]

    def ack(self, deliveries: Sequence[Delivery]) -> int:
        """Forget the leases and tell the broker soon."""
        with self._lock:
            leases = [lease for one in deliveries if (lease := self._held.pop(one.receipt, None))]
        if leases:
            self._line.post(partial(self._acknowledge, leases))
        return len(leases)

    def move(self, delivery: Delivery, where: Callable[[Lease], Move]) -> bool:
        """Publish it elsewhere and acknowledge it. TryAgain when that was refused: the lease is still held then."""
        with self._lock:
            lease = self._held.pop(delivery.receipt, None)
        if lease is None:
            return False
        told: Future[str | None] = Future()
        self._line.post(partial(self._move, lease, where(lease), told))
        try:
            why = told.result(MOVE_SECONDS)
        except TimeoutError:
            why = "no answer in time"
        if why in (None, _LOST):
            return why is None
        raise TryAgain(f"{delivery.queue}: {why}", retry_after=RETRY_AFTER)

    def extend(self, delivery: Delivery, seconds: float) -> bool:
        """Move the end of the lease."""
        with self._lock:
            lease = self._held.get(delivery.receipt)
            if lease is not None:
                lease.until = time.time() + seconds
            return lease is not None

    def count(self, queue: str) -> tuple[int, int]:
        """How many of a queue wait here, and how many are leased here."""
        with self._lock:
            lane = self._lanes.get(queue)
            held = sum(1 for lease in self._held.values() if lease.delivery.queue == queue)
            return len(lane.waiting) if lane else 0, held

    def next_end(self) -> float | None:
        """When the first lease runs out."""
        with self._lock:
            return min((lease.until for lease in self._held.values()), default=None)

    def close(self) -> None:
        """Send what is to be acknowledged; the broker gives the rest to others."""
        self._line.stop()

    def _take(self, lane: Lane, limit: int, now: float, until: float) -> tuple[list[Lease], list[Lease]]:
        """(leased, expired), of a lane that the lock keeps."""
        leases: list[Lease] = []
        expired: list[Lease] = []
        while lane.waiting and len(leases) < limit:
            arrival = lane.take()
            over = arrival.parcel.dies_at <= now
            if over:
                expired.append(self._lease(lane, arrival, now, arrival.parcel.attempts))
                continue
            lease = self._lease(lane, arrival, until, arrival.parcel.attempts + 1)
            leases.append(lease)
            self._held[lease.delivery.receipt] = lease
        return leases, expired

    def _lease(self, lane: Lane, arrival: Arrival, until: float, attempt: int) -> Lease:
        receipt = f"{lane.serial}.{arrival.tag}.{next(self._serials)}"
        return Lease(lane, arrival, Delivery(lane.spec.name, receipt, arrival.parcel.message, attempt), until)

    # --- in the thread of the line ------------------------------------------------------------------

    def _on_up(self, connection: Any) -> None:
        self._connection = connection
        self._open_confirms(1)
        for queue in list(self._asked):
            self._open_lane(queue, 1)

    def _on_down(self, why: str) -> None:
        self._connection = None
        if self._confirms is not None:
            self._confirms.give_up(why)
            self._confirms = None
        with self._lock:
            self._down = why or "closed"
            self._lanes.clear()
            self._held.clear()
        self._first.set()

    def _on_tick(self) -> None:
        now = time.time()
        with self._lock:
            over = [self._held.pop(lease.delivery.receipt) for lease in list(self._held.values()) if lease.until <= now]
            idle = [lane for name, lane in self._lanes.items() if now - self._asked[name] > IDLE_SECONDS]
            unwanted = [(lane, lane.give_back()) for lane in idle if not lane.paused]
            active = [lane for lane in self._lanes.values() if not lane.paused]
            quiet = [lane for lane in active if (since := lane.quiet_since()) and now - since > FRESH_SECONDS]
        for lease in over:
            self._move(lease, retried(lease, LEASE_RAN_OUT, 0, now), None)
        for lane, tags in unwanted:
            lane.paused = True
            lane.channel.basic_cancel(lane.consumer_tag)
            lane.consumer_tag = ""
            for tag in tags:
                lane.channel.basic_nack(tag, requeue=True)
        for lane in quiet:
            if lane.channel.is_open:
                lane.channel.close()

    def _open_confirms(self, attempt: int) -> None:
        def opened(channel: Any) -> None:
            self._confirms = Confirms(channel)
            channel.add_on_close_callback(closed)
            with self._lock:
                self._down = ""
            self._first.set()

        def closed(_channel: Any, error: BaseException) -> None:
            if self._confirms is not None:
                self._confirms.give_up(describe(error))
            self._confirms = None
            self._later(attempt, partial(self._open_confirms, attempt + 1))

        self._connection.channel(on_open_callback=opened)

    def _open_lane(self, queue: str, attempt: int) -> None:
        if self._connection is None or not self._connection.is_open:
            return  # all that were asked for are opened when the connection is
        with self._lock:
            if queue in self._lanes:
                return
        self._connection.channel(on_open_callback=partial(self._on_lane, queue, attempt))

    def _on_lane(self, queue: str, attempt: int, channel: Any) -> None:
        lane = Lane(self._queues[queue], channel, next(self._serials))
        with self._lock:
            self._lanes[queue] = lane
        channel.add_on_close_callback(partial(self._on_lane_closed, lane, attempt))
        channel.add_on_cancel_callback(lambda _frame: channel.close())
        channel.basic_qos(prefetch_count=self._prefetch)
        self._resume(lane)

    def _resume(self, lane: Lane) -> None:
        def consuming(_frame: Any) -> None:
            lane.paused = False

        if lane.channel.is_open and lane.paused and not lane.consumer_tag:
            arrived = partial(self._on_arrival, lane)
            lane.consumer_tag = lane.channel.basic_consume(lane.spec.name, arrived, callback=consuming)

    def _on_lane_closed(self, lane: Lane, attempt: int, _channel: Any, error: BaseException) -> None:
        from pika.exceptions import ChannelClosedByClient

        queue = lane.spec.name
        with self._lock:
            if self._lanes.get(queue) is lane:
                del self._lanes[queue]
            for receipt in [receipt for receipt, lease in self._held.items() if lease.lane is lane]:
                del self._held[receipt]
        if isinstance(error, ChannelClosedByClient):
            self._open_lane(queue, attempt)
        elif self._connection is not None and self._connection.is_open:
            log.warning("%s cannot be consumed: %s", queue, describe(error))
            again = attempt + 1 if lane.paused else 1
            self._later(again, partial(self._open_lane, queue, again))

    def _on_arrival(self, lane: Lane, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        with self._lock:
            was_empty = not lane.waiting
            lane.arrive(method.delivery_tag, properties, body, time.time())
        if was_empty:
            self._ring()

    def _acknowledge(self, leases: Sequence[Lease]) -> None:
        by_lane: dict[int, list[Lease]] = defaultdict(list)
        for lease in leases:
            by_lane[lease.lane.serial].append(lease)
        for those in by_lane.values():
            lane = those[0].lane
            if lane.channel.is_open:
                for tag, multiple in lane.answered(lease.arrival.tag for lease in those):
                    lane.channel.basic_ack(tag, multiple)

    def _move(self, lease: Lease, move: Move, told: Future[str | None] | None) -> None:
        def answered(why: str | None) -> None:
            if why is None:
                self._acknowledge([lease])
            elif lease.lane.channel.is_open:
                self._hold_on(lease)
            else:
                why = _LOST
            if told is not None:
                told.set_result(why)

        if not lease.lane.channel.is_open or self._confirms is None:
            answered("there is no connection")
        else:
            body = lease.arrival.parcel.message.body
            self._confirms.publish(move.exchange, move.key, body, move.properties, answered)

    def _hold_on(self, lease: Lease) -> None:
        """It could not be moved: it stays leased, and is moved by whoever holds it or when its time is over."""
        lease.until = max(lease.until, time.time() + _AGAIN_SECONDS)
        with self._lock:
            self._held[lease.delivery.receipt] = lease

    def _later(self, attempt: int, act: Callable[[], None]) -> None:
        if self._connection is not None and self._connection.is_open:
            self._connection.ioloop.call_later(pause(attempt), act)
