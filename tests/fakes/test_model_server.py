"""The stand-in for a model server speaks the protocol and plays its script."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.model_server import ModelServer, answer, obedient, status, tools

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("one", "two")]


def ask(base_url: str, *messages: dict[str, Any], **more: Any) -> httpx.Response:
    body = {"model": "m", "messages": list(messages), **more}
    return httpx.post(f"{base_url}/chat/completions", json=body, headers={"Authorization": "Bearer k"})


def test_steps_are_played_in_order_and_requests_recorded() -> None:
    with ModelServer(tools("one", "two"), status(429, retry_after="3")) as server:
        first = ask(server.base_url).json()["choices"][0]
        second = ask(server.base_url)
        third = ask(server.base_url)
    assert [call["function"]["name"] for call in first["message"]["tool_calls"]] == ["one", "two"]
    assert first["finish_reason"] == "tool_calls"
    assert (second.status_code, second.headers["retry-after"], third.status_code) == (429, "3", 500)
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer k"] * 3


def test_streaming_and_other_paths_are_refused() -> None:
    with ModelServer(answer(), answer()) as server:
        assert ask(server.base_url, stream=True).status_code == 400
        assert httpx.post(f"{server.base_url}/responses", json={}).status_code == 404


def test_the_obedient_one_calls_each_tool_once_and_answers() -> None:
    with ModelServer(otherwise=obedient) as server:
        history: list[dict[str, Any]] = []
        called = []
        for _ in range(2):
            message = ask(server.base_url, *history, tools=TOOLS).json()["choices"][0]["message"]
            called.append(message["tool_calls"][0]["function"]["name"])
            history += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "1"}]
        last = ask(server.base_url, *history, tools=TOOLS).json()["choices"][0]["message"]["content"]
    assert called == ["one", "two"]
    assert json.loads(last)["confidence"] == 0.9


@pytest.fixture
def address() -> Iterator[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.fakes.model_server"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.kill()


def test_it_runs_by_itself_and_takes_a_script(address: str) -> None:
    root = address.removesuffix("/v1")
    script = [{"do": "status", "status": 503}, {"do": "tools", "names": ["one"]}]
    assert httpx.put(f"{root}/script", json=script).status_code == 200
    assert ask(address).status_code == 503
    assert ask(address).json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "one"
    assert "obedient" not in ask(address).text
    assert [seen["path"] for seen in httpx.get(f"{root}/seen").json()] == ["/v1/chat/completions"] * 3
