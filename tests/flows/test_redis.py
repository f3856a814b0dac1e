"""An external Redis that is killed, hangs, is emptied and returns in full flow: the work does not notice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts.trial.count import count as reckoned
from scripts.trial.load import Load
from scripts.trial.samples import Kind
from tests.flows.conftest import MakePlatform
from tests.flows.counting import count
from tests.flows.platform import Platform, wait_for
from tests.flows.samples import big_order, order
from tests.flows.viewers import Viewer
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1200)]
TASKS = 500
MIX: Mapping[Kind, int] = {"order": 60, "ticket": 30, "event": 10}
#: For a machine that does much else.
PATIENCE = 400.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.end()


def test_redis_is_killed_emptied_and_suspended_in_the_middle_of_500_tasks(
    platform: MakePlatform, redis: RedisServer
) -> None:
    """Every task is done once or waits in one request; who looks is told when nothing can be seen, and that the page
    has to be read again; afterwards the live view goes on and the pages are right."""
    one = platform(BIZOSAAS_CACHE_URL=redis.url).start()
    one.token()
    viewers = [Viewer(one, "/hitl/live"), Viewer(one, "/hitl/live"), Viewer(one, "/agents/live")]
    try:
        for viewer in viewers:
            wait_for(lambda: "load" in viewer.kinds(), "the view to begin")  # noqa: B023  # asked at once
        load = Load(one.port, rate=20, most=TASKS, mix=MIX).start()
        _submitted(load, 60)
        wait_for(lambda: "opened" in viewers[0].kinds(), "an opened request to be seen")
        wait_for(lambda: "completed" in viewers[2].kinds(), "a role's work to be seen")
        redis.kill()
        wait_for(lambda: all("away" in viewer.kinds() for viewer in viewers), "the viewers to be told")
        _submitted(load, 200)
        redis.start()
        _submitted(load, 280)
        redis.empty()
        _submitted(load, 340)
        redis.suspend()
        _submitted(load, 420)
        redis.resume()
        assert load.wait(PATIENCE)
        found = reckoned(one.variables(), load.finish(), PATIENCE)
        assert load.refused == []
        assert found.exact, (found.faults[:5], found.under_way)
        assert found.submitted == TASKS
        assert found.dead == 0, found.reasons
        _goes_on(one, viewers)
        assert _own_valkey(one) == []
        assert redis.password not in "".join(map(str, one.lines)) + "".join(one.errors)
    finally:
        for viewer in viewers:
            viewer.close()


def _submitted(load: Load, number: int) -> None:
    wait_for(lambda: load.submitted >= number, f"{number} to be accepted", PATIENCE)


def _goes_on(one: Platform, viewers: list[Viewer]) -> None:
    """A request that opens now is seen by all who look, once, and the pages say the same."""
    task = one.submit("order", big_order())["id"]
    request = one.request_of(task)["id"]

    def seen(viewer: Viewer) -> list[str]:
        return [each.kind for each in list(viewer.seen) if each.data.get("request_id") == request]

    for viewer in viewers[:2]:
        wait_for(lambda: "opened" in seen(viewer), "the new request to be seen", 90)  # noqa: B023  # asked at once
        assert seen(viewer).count("opened") == 1
    body = {"request_id": request, "decision": "reject", "notes": "seen live"}
    assert one.call("POST", "/hitl/decision", json=body).status_code == 200
    for viewer in viewers[:2]:
        wait_for(lambda: "decided" in seen(viewer), "the decision to be seen", 90)  # noqa: B023  # asked at once
    waiting = one.rows("orchestration", "SELECT count(*) FROM approvals WHERE status = 'pending'")[0][0]
    assert sum(one.get("/hitl/metrics")["urgency_breakdown"].values()) == waiting
    assert all(item["running"] == 0 for item in one.get("/agents")["items"])
    assert one.get("/agents/payment_validator")["doing"] == []


def _own_valkey(one: Platform) -> list[str]:
    return [process.name() for process in one.processes() if "valkey" in process.name()]


def test_a_platform_whose_redis_was_never_there_works_and_says_so(platform: MakePlatform, redis: RedisServer) -> None:
    """Tasks are done, signing in works (a quarter as often), who looks is told `away`."""
    redis.kill()
    one = platform(BIZOSAAS_CACHE_URL=redis.url, BIZOSAAS_LOGIN_RATE="0.01/8").start()
    accepted = [one.submit("order", order())["id"] for _ in range(5)]
    viewer = Viewer(one, "/tasks/live")
    try:
        wait_for(lambda: "away" in viewer.kinds(), "the viewer to be told")
        body = {"email": "nobody@demo.example", "password": "wrong"}
        answers = [one.call("POST", "/auth/login", None, json=body) for _ in range(3)]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        count(one, accepted)
        redis.start()
        wait_for(lambda: "load" in viewer.kinds(), "the view to begin", 60)
        one.submit("order", order())
        wait_for(lambda: "ended" in viewer.kinds(), "the task to be seen", 90)
    finally:
        viewer.close()


def test_too_many_requests_of_one_caller_are_refused_and_the_next_ones_are_not(platform: MakePlatform) -> None:
    """429 with Retry-After as a problem; another caller of the tenant is not held up; later all is well again."""
    one = platform(BIZOSAAS_CALLER_RATE="2/10").start()
    one.token()
    answers = [one.call("GET", "/agents") for _ in range(14)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert 1 <= len(refused) <= 4
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].json()["type"] == "/problems/rate-limited"
    wait_for(lambda: one.call("GET", "/agents").status_code == 200, "the caller to be let in again")


def test_a_host_that_stops_ends_its_streams_at_once(platform: MakePlatform) -> None:
    """Nobody who looks keeps it from ending, and every view ends whole."""
    one = platform().start()
    viewer = Viewer(one, "/hitl/live")
    wait_for(lambda: "load" in viewer.kinds(), "the view to begin")
    began = time.monotonic()
    assert one.stop() == 0
    assert time.monotonic() - began < 15
    viewer.close()
