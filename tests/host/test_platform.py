"""A host with its functions: from the door to the process and back, its images, its metrics, its beginning."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from host.ingress import Ingress, Route
from host.platform import Host
from host.settings import AGENT, Image
from shared.errors import Invalid, TryAgain
from tests.host.world import LIGHT, SETTINGS, MakeWorld, World, function

pytestmark = pytest.mark.anyio


async def test_a_sleeping_function_wakes_for_a_call(world: MakeWorld) -> None:
    """The first call starts a process; the second finds it awake."""
    one = await world()
    first = json.loads((await one.get("/function/one/echo?x=1")).body)
    second = json.loads((await one.get("/function/one.openfaas-fn")).body)
    assert (first["url"], second["url"]) == ("/echo?x=1", "/")
    assert first["pid"] == second["pid"]
    woke = await one.told.wait("woke")
    assert (woke["function"], woke["pid"], woke["image"]) == ("one", first["pid"], "light")
    assert len(one.told.of("woke")) == 1


async def test_a_call_inside_the_host_goes_the_same_way(world: MakeWorld) -> None:
    one = await world()
    response = await one.host.call("one", method="PUT", path="/a?b", headers=[(b"x-a", b"1")], body=b"body")
    seen = json.loads(response.body)
    assert (response.status, response.header(b"content-type")) == (200, b"application/json")
    assert (seen["method"], seen["url"], seen["body"]) == ("PUT", "/a?b", "body")
    assert dict(seen["headers"])["x-a"] == "1"
    head = await one.host.call("one", method="HEAD")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    "bad",
    [
        {"path": "/a HTTP/1.1\r\nx: y"},
        {"path": "/a b"},
        {"headers": [(b"x", b"1\r\ny: 2")]},
        {"headers": [(b"x\r\ny", b"1")]},
        {"headers": [(b"x", b"1\ry: 2")]},
        {"method": "GET /x HTTP/1.1\r\n"},
    ],
)
async def test_a_call_inside_the_host_cannot_smuggle(world: MakeWorld, bad: dict[str, object]) -> None:
    one = await world()
    with pytest.raises(ValueError, match="line end"):
        await one.host.call("one", **bad)  # type: ignore[arg-type]  # one field of several types


async def test_an_answer_too_large_for_the_host_is_an_error_and_not_memory(world: MakeWorld) -> None:
    one = await world(settings={"answer_limit": 100_000})
    with pytest.raises(TryAgain, match="larger"):
        await one.host.call("one", path="/stream?count=1024&size=65536")
    await one.told.until(lambda: one.host.snapshot()["one"]["in_flight"] == 0)


# --- images ----------------------------------------------------------------------------------------------------


async def test_a_late_image_does_not_hold_up_the_start(world: MakeWorld, tmp_path: Path) -> None:
    """Its functions wait for it; the others are served meanwhile."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = tmp_path / "imports_slowly.py"
    slow.write_text(f"open({str(gate)!r}).read()\n")
    late = Image("agent", (*LIGHT.preload, "imports_slowly"), {"PYTHONPATH": _path(tmp_path)}, late=True)
    one = await world(function("one"), replace(function("two"), image="agent"), settings={"images": (LIGHT, late)})
    assert (await one.host.call("one")).status == 200
    assert (await one.get("/healthz")).status == 200
    waits = asyncio.create_task(one.host.call("two"))
    await one.told.until(lambda: one.host.snapshot()["two"]["waiting"] == 1)
    await asyncio.to_thread(gate.write_text, "")
    assert (await waits).status == 200
    assert [fields["image"] for fields in one.told.of("woke")] == ["light", "agent"]


def _path(folder: Path) -> str:
    return os.pathsep.join([str(folder), str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)])


async def test_an_image_that_is_not_installed_is_stood_in_for(world: MakeWorld) -> None:
    agent = replace(AGENT, needs="no_such_module_at_all")
    one = await world(replace(function("one"), image="agent"), settings={"images": (LIGHT, agent)})
    assert (await one.host.call("one")).status == 200
    assert [fields["image"] for fields in one.told.of("zygote_ready")] == ["light"]


async def test_an_image_that_cannot_be_imported_is_told_at_the_start(world: MakeWorld) -> None:
    with pytest.raises(RuntimeError, match="image light did not start"):
        await world(settings={"images": (Image("light", ("no_such_module_at_all",)),)})


@pytest.mark.agents
async def test_crewai_can_be_forked_from(world: MakeWorld) -> None:
    """FACTS, "CrewAI": with these variables its import leaves one thread; idle, a fork has few pages of its own."""
    pytest.importorskip("crewai")
    agent = replace(AGENT, preload=(*LIGHT.preload, "crewai"))
    one = await world(replace(function("one"), image="agent"), settings={"images": (LIGHT, agent), "wait_limit": 60.0})
    about = json.loads((await one.host.call("one", path="/about")).body)
    assert about["threads"] == 1
    assert about["private_kb"] < about["rss_kb"] / 4
    assert (await one.told.wait("woke"))["image"] == "agent"


# --- what does not fit together ------------------------------------------------------------------------------------


async def test_a_stack_and_a_table_that_do_not_fit_are_refused_with_all_problems(world: MakeWorld) -> None:
    functions = {"one": function("one"), "two": replace(function("two"), image="other")}
    ingress = Ingress([Route("GET", "/a", "none", False), Route("GET", "/b", "one", False)])
    with pytest.raises(Invalid) as caught:
        Host(functions, ingress, SETTINGS)
    assert {one.field for one in caught.value.problems} == {"functions.two.image", "ingress GET /a"}


# --- what is counted -----------------------------------------------------------------------------------------------


async def metrics(world: World) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await world.get("/metrics")
    assert (answer.header("content-type") or "").startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"bizosaas_{name}", frozenset({"function": "one", **labels}.items())


async def test_starts_answers_exits_and_latencies_are_counted(world: MakeWorld) -> None:
    one = await world(function(concurrency=1, maximum=1, queue_limit=0, timeout=0.2))
    for _ in range(3):
        assert (await one.get("/function/one")).status == 200
    assert (await one.get("/function/one/early", method="POST", body=b"x")).status == 409
    spins = asyncio.create_task(one.get("/function/one/spin"))
    await one.told.line("spinning")
    assert (await one.get("/function/one")).status == 503
    during = await metrics(one)
    assert (await spins).status == 504
    await one.told.wait("killed")
    after = await metrics(one)
    assert during[key("function_in_flight")] == 1
    assert during[key("function_processes")] == 1
    assert after[key("function_in_flight")] == after[key("function_processes")] == 0
    assert after[key("function_starts_total")] == 1
    assert after[key("function_answers_total", status="200")] == 3
    assert after[key("function_answers_total", status="409")] == 1
    assert after[key("function_exits_total", reason="over_time")] == 1
    assert after[key("function_refused_total", reason="queue_full")] == 1
    assert after[key("function_cold_latency_seconds_count")] == 1
    assert after[key("function_warm_latency_seconds_count")] == 3
    assert after[key("function_wake_seconds_count")] == 1
    assert 0 < after[key("function_cold_latency_seconds_sum")] < 5
    assert after[key("function_cold_latency_seconds_bucket", le="60.0")] == 1


async def test_counters_survive_a_function_that_was_never_called(world: MakeWorld) -> None:
    one = await world()
    found = await metrics(one)
    assert found[key("function_starts_total")] == 0
    assert found[("bizosaas_host_connections", frozenset())] == 1
