"""The bridge hands over what is on the bus, and what became of it is what the bus is told."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from events.topology import QueueSpec, TopicSpec, Topology
from host.bridge import LONGEST_SLEEP, Bridge
from host.errors import OverTime, Unreachable
from host.subscriptions import Subscription
from shared.bus.doorbell import Doorbell, InnerBell
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Message
from shared.errors import Busy, Failed, HouseError, Invalid, TryAgain
from shared.problems import to_problem

QUEUES = {"q": QueueSpec("q", 5, 600, delivery_limit=3, retry_base=0.001, retry_max=0.002)}
TOPICS = {"t": TopicSpec("t", 1), "wide": TopicSpec("wide", 8)}


class Answer(NamedTuple):
    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


def refused(error: HouseError) -> Answer:
    status, headers, body = to_problem(error)
    kept = tuple((name.encode(), value.encode()) for name, value in headers if name != "retry-after")
    return Answer(status, kept, body)


class World:
    """A bus of one queue and one topic, a function that answers as a test says, and the bridge between."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "bus.db"
        self.bus = EmbeddedBus(self.file, Topology(QUEUES, TOPICS))
        self.calls: list[tuple[bytes, dict[bytes, bytes]]] = []
        self.happened: list[str] = []
        self.answer: Callable[[bytes], Any] = lambda _body: Answer(204)

    async def call(self, _function: str, headers: Any, body: bytes) -> Answer:
        self.calls.append((body, dict(headers)))
        answer = self.answer(body)
        return await answer if asyncio.iscoroutine(answer) else answer

    def run(
        self,
        until: Callable[[], bool],
        *,
        batch: int = 1,
        gather: float = 0.25,
        chores: Callable[[], float] = lambda: math.inf,
        lease: float = 30.0,
    ) -> None:
        """Run the bridge until a condition holds."""

        async def main() -> None:
            bridge = Bridge(
                EmbeddedBus(self.file, Topology(QUEUES, TOPICS)),
                [Doorbell(self.file)],
                [Subscription("f", ("q",), ("t", "wide"), 0, 2, batch, lease, gather)],
                self.call,
                lambda: "token",
                chores,
                QUEUES,
                lambda kind, **_fields: self.happened.append(kind),
            )
            bridge.start()
            try:
                await asyncio.wait_for(_until(until), 20)
            finally:
                await bridge.stop(5)

        asyncio.run(main())

    def work(self, *bodies: bytes) -> None:
        self.bus.send([("q", Message(body.decode(), body)) for body in bodies])

    def facts(self, *bodies: bytes) -> None:
        self.bus.send([], [("t", Message(body.decode(), body)) for body in bodies])

    def dead(self, origin: str) -> list[tuple[bytes, str]]:
        return [(letter.message.body, letter.reason) for letter in self.bus.dead_letters(origin).items][::-1]

    def idle(self) -> bool:
        depth = self.bus.depth("q")
        return depth.ready + depth.leased + depth.delayed == 0

    def read_all(self) -> bool:
        lag = self.bus.lag("f")
        return bool(lag) and not any(lag.values())

    def bodies(self) -> list[bytes]:
        return [body for body, _ in self.calls]


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)  # a poll between two looks at a condition


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.bus.close()


def test_work_that_is_done_is_acknowledged(world: World) -> None:
    world.work(b"1", b"2", b"3")
    world.run(world.idle)
    assert sorted(world.bodies()) == [b"1", b"2", b"3"]
    assert world.calls[0][1] == {
        b"content-type": b"application/cloudevents+json",
        b"authorization": b"Bearer token",
        b"x-delivery-attempt": b"1",
    }


def test_work_that_arrives_later_wakes_the_bridge(world: World) -> None:
    def when_done() -> bool:
        if not world.calls:
            world.work(b"late") if not world.bus.depth("q").ready else None
        return bool(world.calls) and world.idle()

    world.run(when_done)
    assert set(world.bodies()) == {b"late"}


def test_the_bus_is_not_asked_again_for_work_while_all_that_there_was_is_under_way(world: World) -> None:
    """The second round is the one that a chore wants, a quarter of a second later; the call ends with it here."""
    rounds: list[float] = []

    def chores() -> float:
        rounds.append(time.monotonic())
        return 0.25

    async def until_the_second_round() -> Answer:
        await _until(lambda: len(rounds) > 1)
        return Answer(204)

    world.answer = lambda _body: until_the_second_round()
    world.work(b"1")
    world.run(world.idle, chores=chores)
    assert rounds[1] - rounds[0] > 0.2


def test_work_that_can_never_be_done_is_buried_with_the_functions_words(world: World) -> None:
    world.answer = lambda body: refused(Invalid.field("x", "is bad")) if body == b"bad" else Answer(204)
    world.work(b"bad", b"good")
    world.run(world.idle)
    assert world.dead("q") == [(b"bad", "422: x: is bad")]
    assert world.happened == ["buried"]


def test_work_that_fails_comes_back_until_the_delivery_limit(world: World) -> None:
    world.answer = lambda _body: refused(Failed("boom"))
    world.work(b"1")
    world.run(world.idle)
    assert [headers[b"x-delivery-attempt"] for _, headers in world.calls] == [b"1", b"2", b"3"]
    (letter,) = world.dead("q")
    assert "boom" in letter[1]


def test_a_function_that_cannot_just_now_costs_work_no_attempt(world: World) -> None:
    """Its database is away, say: the same for all the work there is, so none of it is to blame."""
    world.answer = lambda _body: refused(TryAgain("not now")) if len(world.calls) < 3 else Answer(204)
    world.work(b"1")
    world.run(world.idle)
    assert [headers[b"x-delivery-attempt"] for _, headers in world.calls] == [b"1"] * 3
    assert (world.happened, world.dead("q")) == ([], [])


def test_what_lasts_longer_than_half_a_lease_costs_an_attempt(world: World) -> None:
    """In the end it rests where a person finds it, with the reason."""

    def answer(_body: bytes) -> Answer:
        raise TryAgain("not now", retry_after=0.01)

    world.answer = answer
    world.work(b"1")
    world.run(world.idle, lease=1.0)
    assert {headers[b"x-delivery-attempt"] for _, headers in world.calls} == {b"1", b"2", b"3"}
    assert [(body, "not now" in reason) for body, reason in world.dead("q")] == [(b"1", True)]


def test_a_busy_function_costs_no_attempt(world: World) -> None:
    def answer(_body: bytes) -> Answer:
        if len(world.calls) < 3:
            raise Busy("full", retry_after=0.01)
        return Answer(204)

    world.answer = answer
    world.work(b"1")
    world.run(world.idle)
    assert [headers[b"x-delivery-attempt"] for _, headers in world.calls] == [b"1"] * 3
    assert world.happened == []


def test_a_gateway_that_is_away_for_longer_than_a_lease_costs_no_attempt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()

    def answer(_body: bytes) -> Answer:
        if time.monotonic() < began + 1.5:
            raise Unreachable("nobody there", retry_after=0.01)
        return Answer(204)

    world.answer = answer
    world.work(b"1")
    world.run(world.idle, lease=0.5)
    assert {headers[b"x-delivery-attempt"] for _, headers in world.calls} == {b"1"}
    assert world.happened == []
    assert [record.message for record in caplog.records] == ["nobody there", "the gateway answers again"]


def test_a_function_that_is_busy_behind_a_gateway_costs_no_attempt(world: World) -> None:
    world.answer = lambda _body: refused(Busy("full")) if len(world.calls) < 2 else Answer(204)
    world.work(b"1")
    world.run(world.idle)
    assert [headers[b"x-delivery-attempt"] for _, headers in world.calls] == [b"1"] * 2


def test_facts_are_handed_over_in_order_and_committed(world: World) -> None:
    world.facts(b"1", b"2", b"3")
    world.run(lambda: world.read_all())
    assert world.bodies() == [b"1", b"2", b"3"]


def test_a_fact_that_must_wait_holds_those_behind_it(world: World) -> None:
    def answer(body: bytes) -> Answer:
        return refused(TryAgain("not now")) if world.bodies().count(body) < 2 else Answer(204)

    world.answer = answer
    world.facts(b"1", b"2")
    world.run(lambda: world.read_all())
    assert world.bodies() == [b"1", b"1", b"2", b"2"]


def test_a_fact_that_can_never_be_handled_is_skipped_and_kept(world: World) -> None:
    world.answer = lambda body: refused(Invalid.field("x", "is bad")) if body == b"2" else Answer(204)
    world.facts(b"1", b"2", b"3")
    world.run(lambda: world.read_all())
    assert world.bodies() == [b"1", b"2", b"3"]
    assert world.dead("t") == [(b"2", "422: x: is bad")]


def test_a_fact_on_which_the_function_fails_is_given_up_and_one_that_must_wait_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.facts.backoff", lambda *_: 0.0)
    monkeypatch.setattr("host.facts.FACT_ATTEMPTS", 2)
    monkeypatch.setattr("host.facts.FACT_PATIENCE", 5)
    errors = {b"fails": Failed("boom"), b"waits": TryAgain("not now")}
    world.answer = lambda body: refused(errors[body])
    world.facts(b"fails", b"waits")
    world.run(lambda: world.read_all())
    assert world.bodies() == [b"fails"] * 2 + [b"waits"] * 5
    assert [body for body, _ in world.dead("t")] == [b"fails", b"waits"]


def test_of_a_batch_each_fact_answers_for_itself(world: World) -> None:
    def answer(body: bytes) -> Answer:
        return Answer(207, (), json.dumps([_row(number) for number in json.loads(body)]).encode())

    def _row(number: int) -> dict[str, Any]:
        return {"status": 422, "detail": "is bad"} if number == 2 else {"status": 204}

    world.answer = answer
    world.facts(b"1", b"2", b"3")
    world.run(lambda: world.read_all(), batch=10)
    assert world.bodies() == [b"[1,2,3]"]
    assert world.dead("t") == [(b"2", "422: is bad")]


def _each(body: bytes, bad: int, status: int) -> Answer:
    rows = [{"status": status if number == bad else 204, "detail": "no"} for number in json.loads(body)]
    return Answer(207, (), json.dumps(rows).encode())


def _spread(world: World, count: int) -> None:
    """Facts 1 to `count`, each of a key of its own, so that they lie in several partitions."""
    world.bus.send([], [("wide", Message(str(n), str(n).encode(), key=f"key-{n}")) for n in range(1, count + 1)])


def test_a_batch_holds_facts_of_several_partitions(world: World) -> None:
    _spread(world, 6)
    world.run(world.read_all, batch=10)
    assert [sorted(json.loads(body)) for body in world.bodies()] == [[1, 2, 3, 4, 5, 6]]


def test_a_whole_batch_is_followed_by_the_next_one_at_once(world: World) -> None:
    """What is gathered for a large batch need not wait when there is one."""
    world.answer = lambda body: Answer(204)
    world.facts(*(str(number).encode() for number in range(32)))
    world.run(world.read_all, batch=16, gather=60.0)
    assert [len(json.loads(body)) for body in world.bodies()] == [16, 16]


def test_a_batch_that_takes_too_long_comes_again_in_smaller_ones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function has time for three facts a call: none of the eight is given up."""
    monkeypatch.setattr("host.facts.backoff", lambda *_: 0.0)

    def answer(body: bytes) -> Answer:
        return Answer(204) if len(json.loads(body)) <= 3 else refused(OverTime("one call may last 30 seconds"))

    world.answer = answer
    world.facts(*(str(number).encode() for number in range(8)))
    world.run(world.read_all, batch=8)
    assert [len(json.loads(body)) for body in world.bodies()] == [8, 4, 2, 2, 2, 2]
    assert world.dead("t") == []


def test_a_partition_of_a_batch_that_must_wait_holds_no_other_up_and_comes_again_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.facts.backoff", lambda *_: 0.0)
    world.answer = lambda body: _each(body, 3 if len(world.calls) == 1 else 0, 503)
    _spread(world, 6)
    world.run(world.read_all, batch=10)
    first, *again = [json.loads(body) for body in world.bodies()]
    assert sorted(first) == [1, 2, 3, 4, 5, 6]
    assert again[0][0] == 3
    assert len(again) == 1
    assert not world.dead("wide")


def test_a_chore_that_cannot_be_done_now_holds_nothing_up(world: World) -> None:
    def chores() -> float:
        raise TryAgain("the database is locked")

    world.work(b"1")
    world.run(world.idle, chores=chores)
    assert world.bodies() == [b"1"]


def test_a_round_that_fails_is_not_the_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.bridge._BUS_DOWN_SECONDS", 0.01)
    failures = iter([RuntimeError("a fault of ours")])

    def chores() -> float:
        for failure in failures:
            raise failure
        return math.inf

    world.work(b"1")
    world.run(world.idle, chores=chores)
    assert world.bodies() == [b"1"]


def test_what_was_leased_before_the_bus_failed_is_handed_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bus is locked between two leases of one round: the first one's messages do not wait for their lease's end."""
    read, failures = EmbeddedBus.read, iter([TryAgain("bus.db is locked")])

    def locked_once(*arguments: Any) -> Any:
        for error in failures:
            raise error
        return read(*arguments)

    monkeypatch.setattr(EmbeddedBus, "read", locked_once)
    world.work(b"1")
    world.run(world.idle)
    assert world.bodies() == [b"1"]


def test_what_a_round_could_not_tell_is_told_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded bus does a round as one: when its end fails, what was told in it was not."""
    world.work(b"1", b"2", b"3")
    undone = 0
    real = EmbeddedBus.together

    @contextmanager
    def undo_twice(self: EmbeddedBus) -> Iterator[None]:
        nonlocal undone
        with real(self):
            yield
            if world.calls and undone < 2:
                undone += 1
                raise TryAgain("the disk is full")

    monkeypatch.setattr(EmbeddedBus, "together", undo_twice)
    world.run(world.idle)
    assert (undone, sorted(world.bodies())) == (2, [b"1", b"2", b"3"])


def test_what_is_under_way_at_the_end_is_finished_and_told(world: World) -> None:
    started: list[bytes] = []

    async def slow(body: bytes) -> Answer:
        started.append(body)
        await asyncio.sleep(0.05)  # work that outlasts the stop
        return Answer(204)

    def answer(body: bytes) -> Awaitable[Answer]:
        return slow(body)

    world.answer = answer
    world.work(b"1")
    world.run(lambda: bool(started))
    assert world.idle()


def test_facts_go_on_while_the_engine_for_work_is_away_and_work_while_that_for_facts_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"lease"}

    def failing(name: str) -> Callable[..., Any]:
        method = getattr(EmbeddedBus, name)

        def call(*arguments: Any) -> Any:
            if name in away:
                raise TryAgain("away")
            return method(*arguments)

        return call

    for name in ("lease", "read", "commit"):
        monkeypatch.setattr(EmbeddedBus, name, failing(name))
    world.work(b"1")
    world.facts(b"fact")
    world.run(world.read_all)
    assert world.bodies() == [b"fact"]
    away.clear()
    away.update(("read", "commit"))
    world.run(world.idle)
    assert world.bodies() == [b"fact", b"1"]


def test_every_bell_wakes_it(world: World) -> None:
    """The second bell is a broker's: it is rung by a thread of this process, long before the longest sleep ends."""
    inner = InnerBell()
    rounds: list[float] = []

    async def main() -> None:
        bus = EmbeddedBus(world.file, Topology(QUEUES, TOPICS))
        bells = [Doorbell(world.file), inner]
        bridge = Bridge(bus, bells, [], world.call, lambda: "token", lambda: rounds.append(time.monotonic()), QUEUES)
        bridge.start()
        await asyncio.wait_for(_until(lambda: bool(rounds)), 20)
        before = len(rounds)
        inner.ring()
        await asyncio.wait_for(_until(lambda: len(rounds) > before), LONGEST_SLEEP / 2)
        await bridge.stop(5)

    asyncio.run(main())
    inner.ring()  # after the end: nobody listens, nothing fails


def test_a_function_hears_when_the_bus_took_a_fact(world: World) -> None:
    """In seconds since the epoch; of work and of a batch it hears nothing."""
    before = time.time()
    world.facts(b"1")
    world.work(b"2")
    world.run(lambda: world.read_all() and world.idle())
    told = {body: headers.get(b"x-accepted-at") for body, headers in world.calls}
    assert told[b"2"] is None
    taken_at = told[b"1"]
    assert taken_at is not None
    assert before <= float(taken_at) <= time.time()
