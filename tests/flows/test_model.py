"""A language model does the roles' work where one is configured: well, badly, not at all, and well again.

In the order in which they stand: the last ones leave the circuit of the model as they say.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from shared.agents import crew
from shared.agents.breaker import Policy
from tests.fakes.model_server import ModelServer, answer, obedient, status
from tests.flows.counting import count
from tests.flows.platform import Platform, wait_for
from tests.flows.samples import order, ticket

pytestmark = [pytest.mark.flow, pytest.mark.agents]
KEY = "sk-flow-5up3r-s3cr3t"
CHAIN = ["payment_validator", "fraud_screener", "fulfilment_planner", "order_communicator"]
ENDS = ("completed", "rejected", "failed", "awaiting_approval")


class Shop(NamedTuple):
    """A platform and its model."""

    platform: Platform
    model: ModelServer

    def done(self, task_type: str, data: dict[str, Any]) -> Any:
        """A task that has gone as far as it goes."""
        return self.platform.task(self.platform.submit(task_type, data)["id"], *ENDS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One platform of the repository's own stack, with a key for a model on this machine, once CrewAI is imported."""
    if not crew.available():
        if os.environ.get("CI") == "true":
            pytest.fail("CrewAI is not installed, and in CI its tests must run")
        pytest.skip("CrewAI is not installed")
    with ExitStack() as stack:
        model = stack.enter_context(ModelServer(otherwise=obedient))
        environment = {"BIZOSAAS_MODEL_BASE_URL": model.base_url, "BIZOSAAS_MODEL": "small-1", "OPENAI_API_KEY": KEY}
        platform = Platform(tmp_path_factory.mktemp("model") / "home", None, **environment)
        stack.callback(platform.close)
        platform.start()
        wait_for(lambda: platform.has_line("zygote_ready", image="agent"), "CrewAI to be imported", 90)
        yield Shop(platform, model)


def engines(task: Any) -> list[tuple[str, str]]:
    return [(result["engine"], result["engine_reason"]) for result in task["results"]]


def test_an_order_is_done_by_the_model_with_the_tools_numbers(shop: Shop) -> None:
    """Each of the four roles was done by CrewAI and says so; the model was given the role's tools and called them,
    and what was concluded is what the tools found."""
    task = shop.done("order", order())
    assert task["status"] == "completed", task["reasons"]
    assert [result["role"] for result in task["results"]] == CHAIN
    assert engines(task) == [("crewai", "the model small-1 answered")] * 4
    assert [result["outcome"] for result in task["results"]] == ["paid", "accept", "planned", "message"]
    assert {result["summary"] for result in task["results"]} == {"The tools were asked and agree."}
    assert all(result["tools"] for result in task["results"])
    assert {chat["model"] for chat in shop.model.chats} == {"small-1"}
    agents = [fact["engine"] for fact in completed(shop.platform, task["id"])]
    assert agents == ["crewai"] * 4
    count(shop.platform, [task["id"]])


def completed(platform: Platform, task_id: str) -> list[Any]:
    """What the timeline says of the roles' work."""
    items = platform.get(f"/tasks/{task_id}/events")["items"]
    return [item["data"] for item in items if item["type"] == "AgentCompleted"]


def test_a_ticket_is_done_by_the_model_too(shop: Shop) -> None:
    task = shop.done("support_ticket", ticket())
    assert [result["role"] for result in task["results"]] == ["ticket_triager", "reply_drafter"]
    assert {engine for engine, _ in engines(task)} == {"crewai"}
    count(shop.platform, [task["id"]])


def test_a_model_that_contradicts_the_tools_stops_at_a_human(shop: Shop) -> None:
    """It says that a paid order is not: the tools' finding stands, and a human sees both. Approved, the order goes on
    from what the tools found."""
    shop.model.play(answer(summary="This was never paid.", outcome="unpaid", confidence=0.9), otherwise=obedient)
    task = shop.done("order", order())
    assert task["status"] == "awaiting_approval"
    assert [result["outcome"] for result in task["results"]] == ["paid"]
    request = shop.platform.request_of(task["id"])
    assert request["triggers"] == ["unusual_behavior_pattern"]
    reason = request["reasons"][0]
    assert (reason["field"], reason["actual"], reason["limit"]) == ("model_outcome", "unpaid", "paid")
    body = {"request_id": request["id"], "decision": "approve"}
    assert shop.platform.call("POST", "/hitl/decision", json=body).status_code == 200
    after = shop.platform.task(task["id"], "completed")
    assert [result["outcome"] for result in after["results"]] == ["paid", "accept", "planned", "message"]
    count(shop.platform, [task["id"]])


def test_a_number_that_no_tool_gave_is_shown_to_nobody(shop: Shop) -> None:
    """What a model made up stands in no summary, and the result says that something was left out."""
    shop.model.play(answer(summary="A sum of 98765.43 EUR was paid."), otherwise=obedient)
    task = shop.done("order", order())
    assert "98765.43" not in task["results"][0]["summary"]
    assert any("no tool supports" in note for note in task["results"][0]["notes"])
    assert task["status"] == "completed", task["reasons"]


def test_a_model_that_refuses_is_left_alone_until_it_is_well(shop: Shop) -> None:
    """The playbooks do the work and say why. After five failures the circuit is open: nothing is sent to the model any
    more, until the moment that the results name. After it the model works again."""
    shop.platform.quiet()
    shop.model.play(otherwise=status(401, message=f"Incorrect API key provided: {KEY}"))
    first, second, third = (shop.done("order", order()) for _ in range(3))
    assert [task["status"] for task in (first, second, third)] == ["completed"] * 3
    said = engines(first) + engines(second) + engines(third)
    failures = Policy().failures
    assert {engine for engine, _ in said} == {"playbook"}
    assert said[:failures] == [("playbook", said[0][1])] * failures
    assert "401" in said[0][1]
    assert len(shop.model.seen) == failures
    named = {
        re.fullmatch(r"the model failed repeatedly and is asked again from (\S+)", why) for _, why in said[failures:]
    }
    moments = {match[1] for match in named if match}
    assert None not in named
    assert len(moments) == 1
    shop.model.play(otherwise=obedient)
    again = datetime.fromisoformat(moments.pop())
    # The words leave out the part of a second.
    wait_for(lambda: (datetime.now(UTC) - again).total_seconds() > 1, f"{again}", Policy().pause + 10)
    task = shop.done("order", order())
    assert engines(task) == [("crewai", "the model small-1 answered")] * 4
    count(shop.platform, [first["id"], second["id"], third["id"], task["id"]])


def test_the_key_reached_the_model_and_nobody_else(shop: Shop) -> None:
    """It stood in every request to the model, and although the model quoted it in its refusals, it is in no log line,
    no file of the home (the databases, the bus), and no answer of the API."""
    platform = shop.platform
    platform.quiet()
    assert {seen.headers["authorization"] for seen in shop.model.seen} == {f"Bearer {KEY}"}
    paths = ["/tasks?limit=200", "/audit?limit=200", "/agents", "/hitl/pending", "/hitl/metrics", "/hitl/dashboard"]
    answers = [json.dumps(platform.get(path)) for path in paths]
    told = [json.dumps(line) for line in platform.lines]
    assert len(told) > 50
    assert not [text for text in [*answers, *told, *platform.errors] if KEY in text]
    files = [path for path in platform.home.rglob("*") if path.is_file()]
    assert {"orchestration.db", "audit.db", "bus.db"} <= {path.name for path in files}
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == []
