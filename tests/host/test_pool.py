"""Processes that come, work, sleep and die, seen through the port and through what the host tells."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from host import policy
from host.errors import Died, OverTime
from host.process import Process
from shared.errors import NotFound, TryAgain
from tests.host.world import PLENTY, Gate, MakeWorld, World, dead, function, request

pytestmark = pytest.mark.anyio


def kill_at_once(pid: int) -> None:
    """Kills and waits without letting the host's loop run, so that the host cannot know yet."""
    os.kill(pid, signal.SIGKILL)
    while not dead(pid):
        pass


def ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


async def pid_of(world: World, name: str = "one") -> int:
    response = await world.host.call(name)
    found: int = json.loads(response.body)["pid"]
    return found


async def holding(world: World, gate: Gate, count: int, name: str = "one") -> list[asyncio.Task[int]]:
    """`count` calls that are inside the function and wait for the gate."""

    async def call() -> int:
        return (await world.host.call(name, path=f"/hold?until={gate.path}")).status

    tasks = [asyncio.create_task(call()) for _ in range(count)]
    await world.told.until(lambda: [line for _, _, line in world.told.lines].count("holding") >= count)
    return tasks


# --- waking and sleeping --------------------------------------------------------------------------


async def test_an_idle_function_goes_to_sleep_and_wakes_again(world: MakeWorld) -> None:
    one = await world(function(idle=0.05))
    first = await pid_of(one)
    slept = await one.told.wait("slept")
    assert (slept["pid"], slept["reason"], slept["status"]) == (first, "idle", 0)
    assert one.host.snapshot()["one"] == {"processes": 0, "in_flight": 0, "waiting": 0}
    assert await pid_of(one) != first
    assert one.told.of("crashed") == []


async def test_a_function_with_work_does_not_sleep(world: MakeWorld, gate: Gate) -> None:
    one = await world(function("one", idle=0.02), function("two", idle=0.02))
    (held,) = await holding(one, gate, 1)
    await pid_of(one, "two")
    await one.told.wait("slept")
    assert [fields["function"] for fields in one.told.of("slept")] == ["two"]
    gate.open()
    assert await held == 200


async def test_a_floor_is_kept_and_replaced(world: MakeWorld) -> None:
    """Labels `zero: "false"`, `min: "1"`: a process without any call, and another when it is killed."""
    one = await world(function(floor=1, idle=0.01))
    first = (await one.told.wait("woke"))["pid"]
    os.kill(first, signal.SIGKILL)
    assert (await one.told.wait("woke", 2))["pid"] != first
    assert one.told.of("slept") == []


async def test_more_calls_than_the_target_start_more_processes_up_to_the_maximum(world: MakeWorld, gate: Gate) -> None:
    one = await world(function(concurrency=1, target=1, maximum=2, queue_limit=9))
    tasks = [asyncio.create_task(one.host.call("one", path=f"/hold?until={gate.path}")) for _ in range(5)]
    await one.told.until(lambda: one.host.snapshot()["one"] == {"processes": 2, "in_flight": 2, "waiting": 3})
    gate.open()
    assert [task.status for task in await asyncio.gather(*tasks)] == [200] * 5
    assert len(one.told.of("woke")) == 2


async def test_connections_to_a_process_are_kept(world: MakeWorld) -> None:
    """A hundred calls one after the other need one connection; ten at once need ten, and no more later."""
    one = await world()
    for _ in range(100):
        await pid_of(one)
    process = one.host.pools["one"].ready[0]
    assert len(process.idle) == 1
    await asyncio.gather(*(pid_of(one) for _ in range(10)))
    await asyncio.gather(*(pid_of(one) for _ in range(10)))
    assert len(process.idle) == 10


async def test_the_environment_of_the_stack_reaches_the_function(world: MakeWorld) -> None:
    one = await world(function(environment={"COLOUR": "red"}), settings={"environment": {"COLOUR": "blue", "BUS": "x"}})
    found = json.loads((await one.host.call("one", path="/about")).body)["environment"]
    assert (found["COLOUR"], found["BUS"], found["FUNCTION"]) == ("red", "x", "one")


async def test_a_secret_reaches_only_the_functions_that_list_it(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither another function nor the zygote that they share has the key, in whatever way one looks."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-host-test")
    one = await world(function("one", secrets=("openai-api-key",)), function("two", secrets=("jwks.json",)))
    seen = {name: json.loads((await one.host.call(name, path="/about")).body)["environment"] for name in ("one", "two")}
    assert seen["one"]["OPENAI_API_KEY"] == "sk-host-test"
    assert "OPENAI_API_KEY" not in seen["two"]
    other = one.host.pools["two"].ready[0].pid
    for pid in (one.host.images["light"].pid, other):
        assert b"sk-host-test" not in Path(f"/proc/{pid}/environ").read_bytes()


# --- limits ---------------------------------------------------------------------------------------


async def test_a_full_queue_refuses_at_once_with_retry_after(world: MakeWorld, gate: Gate) -> None:
    one = await world(function(concurrency=2, maximum=1, queue_limit=1))
    held = await holding(one, gate, 2)
    waiting = asyncio.create_task(one.host.call("one"))
    await one.told.until(lambda: one.host.snapshot()["one"]["waiting"] == 1)
    with pytest.raises(TryAgain) as caught:
        await one.host.call("one")
    answer = await one.get("/function/one")
    assert caught.value.retry_after == 1.0
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    gate.open()
    assert [await task for task in held] == [200, 200]
    assert (await waiting).status == 200
    assert one.host.pools["one"].metrics.refused == {"queue_full": 2}


async def test_a_call_does_not_wait_for_ever(world: MakeWorld, gate: Gate) -> None:
    one = await world(function(concurrency=1, maximum=1), settings={"wait_limit": 0.05})
    (held,) = await holding(one, gate, 1)
    with pytest.raises(TryAgain, match="became free"):
        await one.host.call("one")
    gate.open()
    assert await held == 200


async def test_a_call_that_is_given_up_while_it_waits_leaves_the_queue(world: MakeWorld, gate: Gate) -> None:
    one = await world(function(concurrency=1, maximum=1))
    (held,) = await holding(one, gate, 1)
    waiting = asyncio.create_task(one.host.call("one"))
    await one.told.until(lambda: one.host.snapshot()["one"]["waiting"] == 1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert one.host.snapshot()["one"] == {"processes": 1, "in_flight": 1, "waiting": 0}
    gate.open()
    assert await held == 200


async def test_a_call_over_its_time_is_killed_and_told_504(world: MakeWorld) -> None:
    """A loop of Python cannot be stopped otherwise; the next call finds a new process at once."""
    one = await world(function(timeout=0.1))
    first = await pid_of(one)
    with pytest.raises(OverTime) as caught:
        await one.host.call("one", path="/spin")
    assert caught.value.status == 504
    assert await pid_of(one) != first
    killed = await one.told.wait("killed")
    assert (killed["pid"], killed["status"], killed["reason"]) == (first, -9, "over_time")
    assert one.host.pools["one"].failures == 0


async def test_calls_beside_one_over_its_time_are_told_502(world: MakeWorld, gate: Gate) -> None:
    one = await world(function(timeout=0.2))
    answers = await asyncio.gather(*(one.get(f"/function/one/hold?until={gate.path}") for _ in range(2)))
    assert sorted(answer.status for answer in answers) == [502, 504]


# --- deaths ---------------------------------------------------------------------------------------


async def test_killed_while_idle_and_nobody_notices(world: MakeWorld) -> None:
    """The next call has another process and knows nothing: no byte of it went to the dead one."""
    one = await world()
    first = await pid_of(one)
    kill_at_once(first)
    assert await pid_of(one) != first
    crashed = await one.told.wait("crashed")
    assert (crashed["pid"], crashed["status"]) == (first, -9)


async def test_killed_while_idle_with_a_caller_at_the_port(world: MakeWorld) -> None:
    one = await world()
    first = await pid_of(one)
    kill_at_once(first)
    answer = await one.get("/function/one", method="POST", body=b"once")
    assert json.loads(answer.body)["body"] == "once"


async def test_a_process_that_dies_as_it_gets_ready_loses_none_of_the_calls_that_wait(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them find its door closed and ask again; none stands on the shoulders of another."""
    one = await world(function(concurrency=2000, queue_limit=2000, maximum=1))
    pool = one.host.pools["one"]
    ready = pool.process_ready

    def die_first(process: Process) -> None:
        if not pool.failures:
            kill_at_once(process.pid)
        ready(process)

    monkeypatch.setattr(pool, "process_ready", die_first)
    answers = await asyncio.gather(*(one.host.call("one") for _ in range(1500)))
    assert {answer.status for answer in answers} == {200}
    assert len(one.told.of("woke")) == 2


async def test_without_descriptors_a_call_waits_and_nothing_breaks(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await world()
    full = [True]

    def make(*arguments: object) -> Process:
        if full[0]:
            raise OSError(errno.EMFILE, "Too many open files")
        return Process(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr("host.pool.Process", make)
    call = asyncio.create_task(one.host.call("one"))
    await one.told.wait("start_failed", 2)
    full[0] = False
    assert (await call).status == 200


async def test_a_kept_connection_that_the_function_closed_costs_nothing(world: MakeWorld) -> None:
    """A server may close an idle connection at any time (RFC 9112, 9.3.1); the same process gets a new one."""
    one = await world()
    first = await pid_of(one)
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    await one.host.call("one", path="/raw?then=close", body=said)
    (kept,) = one.host.pools["one"].ready[0].idle
    while not ended(kept._sock):
        pass  # the host's loop does not run, so it cannot know
    assert await pid_of(one) == first
    assert one.told.of("crashed") == []


@pytest.mark.parametrize("path", ["/dies-unread", "/dies"])
async def test_a_process_that_dies_with_a_call_gives_502(world: MakeWorld, path: str) -> None:
    """It had the call: whether it did the work nobody knows, so nobody repeats it."""
    one = await world()
    answer = await one.get(f"/function/one{path}")
    assert (answer.status, answer.header("content-type")) == (502, "application/problem+json")
    with pytest.raises(Died):
        await one.host.call("one", path=path)
    assert (await one.get("/function/one")).status == 200


async def test_a_process_that_dies_in_its_answer_breaks_the_answer_off(world: MakeWorld) -> None:
    one = await world()
    caller = await one.caller()
    caller.send(request("/function/one/dies-midway"))
    await one.told.line("midway")
    os.kill((await one.told.wait("woke"))["pid"], signal.SIGKILL)
    _, headers = await caller.head()
    assert dict(headers)["content-length"] == "100"
    assert await caller.rest() == b"half"


async def test_crashes_in_a_row_make_the_next_start_wait_longer(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []

    def backoff(failures: int, chance: float) -> float:
        drawn.append(policy.backoff(failures, chance))
        return drawn[-1]

    monkeypatch.setattr("host.pool.policy", SimpleNamespace(**(vars(policy) | {"backoff": backoff})))
    one = await world(settings={"entry": "served:fails"})
    call = asyncio.create_task(one.host.call("one"))
    pauses = [(await one.told.wait("crashed", count))["retry_in"] for count in (1, 2, 3)]
    assert [fields["failures"] for fields in one.told.of("crashed")][:3] == [1, 2, 3]
    assert all(0.05 * 2**n <= whole <= 0.1 * 2**n for n, whole in enumerate(drawn[:3]))
    assert all(left <= whole + 0.001 for left, whole in zip(pauses, drawn, strict=False)), "what is left of it"
    assert any("RuntimeError: no luck" in str(line) for _, _, line in one.told.lines)
    call.cancel()
    await asyncio.wait([call])


async def test_a_function_that_crashes_for_long_is_refused_with_the_time_to_come_again(
    world: MakeWorld,
) -> None:
    one = await world(settings={"entry": "served:fails", "wait_limit": 0.1})
    while True:
        with pytest.raises(TryAgain) as caught:
            await one.host.call("one")
        if "keeps ending" in str(caught.value):
            break
        assert one.host.pools["one"].failures < 10
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0.1


async def test_an_answer_ends_the_row_of_crashes(world: MakeWorld) -> None:
    one = await world()
    for _ in range(2):
        with pytest.raises(Died):
            await one.host.call("one", path="/dies")
    assert one.host.pools["one"].failures == 2
    await pid_of(one)
    assert one.host.pools["one"].failures == 0


async def test_a_process_that_never_gets_ready_is_killed(world: MakeWorld) -> None:
    one = await world(settings={"entry": "served:sleeps", "start_limit": 0.1})
    call = asyncio.create_task(one.host.call("one"))
    crashed = await one.told.wait("crashed")
    assert (crashed["reason"], crashed["status"]) == ("start_limit", -9)
    call.cancel()
    await asyncio.wait([call])


# --- the zygote -----------------------------------------------------------------------------------


async def test_a_dead_zygote_is_replaced_and_its_processes_live_on(world: MakeWorld) -> None:
    one = await world(function("one"), function("two"))
    first = await pid_of(one, "one")
    os.kill(one.host.images["light"].pid, signal.SIGKILL)
    died = await one.told.wait("zygote_died")
    assert died["status"] == -9
    assert await pid_of(one, "one") == first
    assert await pid_of(one, "two")  # waits for the new zygote
    assert len(one.told.of("zygote_ready")) == 2


async def test_the_end_of_an_orphan_is_noticed(world: MakeWorld) -> None:
    """Its zygote is dead, so nobody tells its status; the leash tells that it is gone."""
    one = await world()
    first = await pid_of(one)
    os.kill(one.host.images["light"].pid, signal.SIGKILL)
    await one.told.wait("zygote_died")
    os.kill(first, signal.SIGKILL)
    crashed = await one.told.wait("crashed")
    assert (crashed["pid"], crashed["status"]) == (first, None)
    assert await pid_of(one) != first


async def test_calls_while_no_zygote_is_ready_are_refused_in_the_end(world: MakeWorld) -> None:
    one = await world(settings={"wait_limit": 0.0})
    os.kill(one.host.images["light"].pid, signal.SIGKILL)
    await one.told.wait("zygote_died")
    answer = await one.get("/function/one")
    assert answer.status == 503
    assert (await one.get("/healthz")).status == 503


# --- memory ---------------------------------------------------------------------------------------


async def test_little_memory_puts_idle_processes_to_sleep_early(world: MakeWorld, gate: Gate) -> None:
    """The longest idle first; one with work stays."""
    free = [PLENTY]
    one = await world(*(function(name) for name in ("one", "two", "three")), memory=lambda: free[0])
    (held,) = await holding(one, gate, 1, "three")
    for name in ("one", "two"):
        await pid_of(one, name)
    free[0] = 200 << 20
    await one.told.wait("slept", 2)
    assert {(fields["function"], fields["reason"]) for fields in one.told.of("slept")} == {
        ("one", "evicted"),
        ("two", "evicted"),
    }
    gate.open()
    assert await held == 200


async def test_without_memory_nothing_is_started(world: MakeWorld) -> None:
    one = await world(memory=lambda: 1 << 20)
    with pytest.raises(TryAgain, match="no memory"):
        await one.host.call("one")


# --- the end --------------------------------------------------------------------------------------


async def test_stopping_lets_calls_finish(world: MakeWorld, gate: Gate) -> None:
    one = await world()
    (held,) = await holding(one, gate, 1)
    stopping = asyncio.create_task(one.host.stop(10.0))
    await one.told.until(lambda: one.host.pools["one"].closed)
    with pytest.raises(TryAgain, match="stopping"):
        await one.host.call("one")
    gate.open()
    assert await held == 200
    await stopping
    assert one.told.of("slept")[0]["reason"] == "stopped"
    assert one.told.of("slept")[0]["status"] == 0


async def test_stopping_kills_what_does_not_end(world: MakeWorld) -> None:
    one = await world()
    pid = await pid_of(one)
    spinning = asyncio.create_task(one.host.call("one", path="/spin"))
    await one.told.line("spinning")
    await one.host.stop(0.1)
    with pytest.raises(Died):
        await spinning
    assert dead(pid)


async def test_an_unknown_function_is_not_found(world: MakeWorld) -> None:
    one = await world()
    with pytest.raises(NotFound):
        await one.host.call("none")


async def test_lines_are_told_with_their_function_and_process(world: MakeWorld) -> None:
    one = await world()
    pid = await pid_of(one)
    await one.host.call("one", path="/talk")
    for line in ("plain words", {"level": "info", "message": "as an object"}, "to standard error"):
        assert await one.told.line(line) == ("one", pid, line)
