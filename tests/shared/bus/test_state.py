"""Nothing lost, nothing doubled: the queues and the topics against small models, in any order of calls."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from events.topology import QueueSpec, TopicSpec, Topology
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import EXPIRED, LEASE_RAN_OUT, Delivery, Depth, Message, Record

TTL = 1000
LIMIT = 3
TOPOLOGY = Topology({"q": QueueSpec("q", 5, TTL, delivery_limit=LIMIT)}, {"t": TopicSpec("t", 3)})
STEPS = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class OnAFile(RuleBasedStateMachine):
    """A bus on a file, with a clock that the machine moves, closed and opened now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self.folder = tempfile.TemporaryDirectory()
        self.bus = self.open()
        self.sent = 0

    def open(self) -> EmbeddedBus:
        return EmbeddedBus(Path(self.folder.name) / "bus.db", TOPOLOGY, clock=lambda: self.now)

    @rule(seconds=st.sampled_from([1, 10, 31, 400, TTL + 1]))
    def advance(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def reopen(self) -> None:
        self.bus.close()
        self.bus = self.open()

    def teardown(self) -> None:
        self.bus.close()
        self.folder.cleanup()


@dataclass
class Place:
    """Where the model holds a message."""

    rank: int
    order: int
    dies_at: float
    state: str = "ready"
    until: float = 0.0
    attempt: int = 0
    receipt: str = ""
    reason: str = ""


class Queues(OnAFile):
    """Every message is in exactly one of ready, leased, delayed, done, dead and discarded: the one in the model."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, Place] = {}
        self.taken: list[Delivery] = []  # every delivery there ever was, lost leases too

    def settle(self) -> None:
        for place in self.model.values():
            lapsed = place.state in ("leased", "delayed") and place.until <= self.now
            if lapsed and place.state == "leased" and place.attempt == LIMIT:
                place.state, place.reason = "dead", LEASE_RAN_OUT
            elif (lapsed or place.state in ("ready", "delayed")) and place.dies_at <= self.now:
                place.state, place.reason = "dead", EXPIRED
            elif lapsed:
                place.state = "ready"

    def holds(self, delivery: Delivery) -> Place | None:
        place = self.model[delivery.message.id]
        return place if place.state == "leased" and place.receipt == delivery.receipt else None

    @rule(priorities=st.lists(st.integers(0, 8), max_size=4), life=st.none() | st.integers(0, 2 * TTL))
    def send(self, priorities: list[int], life: int | None) -> None:
        expires_at = None if life is None else self.now + life
        work = []
        for priority in priorities:
            self.sent += 1
            message = Message(str(self.sent), b"", priority=priority, expires_at=expires_at)
            work.append(("q", message))
            dies_at = self.now + TTL if life is None else self.now + min(TTL, life)
            self.model[message.id] = Place(min(priority, 5), self.sent, dies_at)
        self.bus.send(work)

    @rule(limit=st.integers(0, 4), seconds=st.sampled_from([5, 30, 2 * TTL]))
    def lease(self, limit: int, seconds: int) -> None:
        ready = [(-place.rank, place.order, key) for key, place in self.model.items() if place.state == "ready"]
        deliveries = self.bus.lease("q", limit, seconds)
        assert [delivery.message.id for delivery in deliveries] == [key for *_, key in sorted(ready)[:limit]]
        for delivery in deliveries:
            place = self.model[delivery.message.id]
            place.state, place.until, place.receipt = "leased", self.now + seconds, delivery.receipt
            place.attempt += 1
            assert delivery.attempt == place.attempt
        self.taken += deliveries

    def some_delivery(self, data: st.DataObject) -> Delivery | None:
        return data.draw(st.sampled_from(self.taken)) if self.taken else None

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        several = data.draw(st.lists(st.sampled_from(self.taken), unique_by=id)) if self.taken else []
        held = [place for delivery in several if (place := self.holds(delivery))]
        assert self.bus.ack(several) == len(held)
        for place in held:
            place.state = "done"

    @rule(data=st.data(), delay=st.sampled_from([0, 20, 2 * TTL]))
    def retry(self, data: st.DataObject, delay: int) -> None:
        if delivery := self.some_delivery(data):
            place = self.holds(delivery)
            assert self.bus.retry(delivery, "busy", delay) is (place is not None)
            if place and place.attempt == LIMIT:
                place.state, place.reason = "dead", "busy"
            elif place:
                place.state, place.until = "delayed", self.now + delay

    @rule(data=st.data())
    def bury(self, data: st.DataObject) -> None:
        if delivery := self.some_delivery(data):
            place = self.holds(delivery)
            assert self.bus.bury(delivery, "no") is (place is not None)
            if place:
                place.state, place.reason = "dead", "no"

    @rule(data=st.data(), seconds=st.sampled_from([1, 100]))
    def extend(self, data: st.DataObject, seconds: int) -> None:
        if delivery := self.some_delivery(data):
            place = self.holds(delivery)
            assert self.bus.extend(delivery, seconds) is (place is not None)
            if place:
                place.until = self.now + seconds

    @rule(data=st.data(), again=st.booleans())
    def decide(self, data: st.DataObject, again: bool) -> None:
        letters = self.bus.dead_letters("q", 1000).items
        if not letters:
            return
        letter = data.draw(st.sampled_from(letters))
        place = self.model[letter.message.id]
        if again:
            self.bus.replay(letter.id)
            self.sent += 1
            own = letter.message.expires_at
            lives = own if own is not None and own > self.now else self.now + TTL
            self.model[letter.message.id] = Place(place.rank, self.sent, min(lives, self.now + TTL))
        else:
            self.bus.discard(letter.id)
            place.state = "discarded"

    @invariant()
    def each_message_is_in_one_place_only(self) -> None:
        self.settle()
        states = [place.state for place in self.model.values()]
        counts = (states.count(state) for state in ("ready", "leased", "delayed", "dead"))
        assert self.bus.depth("q") == Depth(*counts)

    @invariant()
    def the_dead_letters_are_those_of_the_model_with_their_reasons(self) -> None:
        letters = [
            (letter.message.id, letter.reason, letter.attempts) for letter in self.bus.dead_letters("q", 1000).items
        ]
        dead = [(key, place.reason, place.attempt) for key, place in self.model.items() if place.state == "dead"]
        assert sorted(letters) == sorted(dead)

    @invariant()
    def the_next_wakeup_is_the_first_moment_at_which_the_model_changes_by_itself(self) -> None:
        moments = [place.dies_at for place in self.model.values() if place.state == "ready"]
        moments += [place.until for place in self.model.values() if place.state == "leased"]
        moments += [min(place.until, place.dies_at) for place in self.model.values() if place.state == "delayed"]
        assert self.bus.next_wakeup() == min(moments, default=None)

    def teardown(self) -> None:
        """What is still ready after all leases and delays comes out once each."""
        self.now += 50
        self.settle()
        left = sorted(key for key, place in self.model.items() if place.state == "ready")
        assert sorted(delivery.message.id for delivery in self.bus.lease("q", 1000, 30)) == left
        super().teardown()


class Topics(OnAFile):
    """Each group handles every fact once and in the order of its partition; no partition has two readers."""

    groups = st.sampled_from(["g", "h"])

    def __init__(self) -> None:
        super().__init__()
        self.log: dict[int, list[str]] = defaultdict(list)
        self.handled: dict[tuple[str, int], list[str]] = defaultdict(list)
        self.holder: dict[tuple[str, int], tuple[str, float, int]] = {}  # receipt, until, facts left
        self.readings: list[tuple[str, int, list[Record]]] = []

    @rule(keys=st.lists(st.sampled_from("abcdef"), max_size=4))
    def send(self, keys: list[str]) -> None:
        facts = []
        for key in keys:
            self.sent += 1
            facts.append(("t", Message(str(self.sent), b"", key=key)))
        self.bus.send([], facts)
        seen = {fact for facts_of_part in self.log.values() for fact in facts_of_part}
        for record in self.bus.read(["t"], f"watcher {self.sent} {self.now}", 1000, 30):
            if record.message.id not in seen:
                self.log[record.partition].append(record.message.id)

    @rule(group=groups, limit=st.integers(1, 6))
    def read(self, group: str, limit: int) -> None:
        records = self.bus.read(["t"], group, limit, 30)
        assert len(records) <= limit
        by_part: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            by_part[record.partition].append(record)
        for part, those in by_part.items():
            _, until, _ = self.holder.get((group, part), ("", 0.0, 0))
            assert until <= self.now, "a partition was given out while somebody held it"
            start = len(self.handled[group, part])
            expected = self.log[part][start : start + len(those)]
            assert [record.message.id for record in those] == expected
            self.holder[group, part] = (those[0].receipt, self.now + 30, len(those))
            self.readings.append((group, part, those))

    @rule(data=st.data(), count=st.integers(1, 3), skip=st.booleans())
    def handle(self, data: st.DataObject, count: int, skip: bool) -> None:
        """Commit the next few of some reading, or skip the next one."""
        if not self.readings:
            return
        group, part, records = data.draw(st.sampled_from(self.readings))
        ahead = [record for record in records if record.message.id not in self.handled[group, part]]
        those = ahead[: 1 if skip else count]
        if not those:
            return
        receipt, until, left = self.holder[group, part]
        held = receipt == records[0].receipt
        if skip:
            assert self.bus.skip(group, those[0], "no") is held
        else:
            assert self.bus.commit(group, those) == (len(those) if held else 0)
        if held:
            self.handled[group, part] += [record.message.id for record in those]
            done = left == len(those)
            self.holder[group, part] = ("", 0.0, 0) if done else (receipt, until, left - len(those))

    @rule(data=st.data(), delay=st.sampled_from([0, 20]))
    def release(self, data: st.DataObject, delay: int) -> None:
        if self.readings:
            group, part, records = data.draw(st.sampled_from(self.readings))
            self.bus.release(group, records, delay)
            if self.holder[group, part][0] == records[0].receipt:
                self.holder[group, part] = ("", self.now + delay, 0)

    @rule(group=groups)
    def drain(self, group: str) -> None:
        """When every lease is over, the group gets the rest of the log, no more and no less."""
        self.now += 31
        while records := self.bus.read(["t"], group, 5, 30):
            assert self.bus.commit(group, records) == len(records)
            for record in records:
                self.handled[group, record.partition].append(record.message.id)
        for part, facts in self.log.items():
            assert self.handled[group, part] == facts
            self.holder[group, part] = ("", 0.0, 0)

    @invariant()
    def the_lag_is_what_is_not_handled_yet(self) -> None:
        total = sum(len(facts) for facts in self.log.values())
        for group in ("g", "h"):
            handled = sum(len(facts) for (of, _), facts in self.handled.items() if of == group)
            assert self.bus.lag(group).get("t", total) == total - handled


Queues.TestCase.settings = STEPS
Topics.TestCase.settings = STEPS
TestQueues = Queues.TestCase
TestTopics = Topics.TestCase
