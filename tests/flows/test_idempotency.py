"""`Idempotency-Key`: the same request may be sent again safely, and only the same request."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.flows.conftest import MakePlatform
from tests.flows.counting import count
from tests.flows.platform import ADMIN, Platform, at_once
from tests.flows.samples import big_order

pytestmark = pytest.mark.flow
KEY = "idempotency-key"


def send(platform: Platform, body: Any, key: str, user: str = ADMIN) -> httpx.Response:
    return platform.call("POST", "/tasks", user, json=body, headers={KEY: key})


@pytest.fixture
def body() -> dict[str, Any]:
    return {"type": "order", "data": big_order()}


@pytest.fixture
def key() -> str:
    return secrets.token_hex(8)


def test_the_same_key_and_body_get_the_same_answer(shop: Platform, body: dict[str, Any], key: str) -> None:
    """Word for word, marked as a repetition, and one task."""
    first, second = send(shop, body, key), send(shop, body, key)
    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert (
        len(shop.rows("orchestration", "SELECT 1 FROM tasks WHERE data LIKE ?", f"%{body['data']['order_id']}%")) == 1
    )


def test_twenty_at_once_are_one_task(shop: Platform, body: dict[str, Any], key: str) -> None:
    """All twenty callers get the same answer."""
    shop.token()
    answers = at_once(20, lambda _: send(shop, body, key))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    count(shop, [answers[0].json()["id"]])


def test_the_same_key_with_another_body_is_409(shop: Platform, body: dict[str, Any], key: str) -> None:
    """The first one stands, and the second is not done under a key of its own."""
    send(shop, body, key)
    other = {**body, "description": "something else"}
    answer = send(shop, other, key)
    assert answer.status_code == 409
    assert "another body" in answer.json()["detail"]
    assert shop.rows("orchestration", "SELECT 1 FROM tasks WHERE description = 'something else'") == []


def test_a_request_that_was_refused_leaves_its_key_free(shop: Platform, body: dict[str, Any], key: str) -> None:
    """What was wrong can be put right under the same key."""
    wrong = {**body, "priority": 11}
    assert send(shop, wrong, key).status_code == 422
    assert send(shop, body, key).status_code == 202


@pytest.mark.parametrize("other", ["admin@other.example", "user@demo.example"])
def test_the_key_of_somebody_else_is_another_key(shop: Platform, body: dict[str, Any], key: str, other: str) -> None:
    """Of another tenant, and of another user of the same one: nobody can read or block what a key was answered."""
    first, second = send(shop, body, key), send(shop, body, key, other)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]
    assert "idempotency-replayed" not in second.headers


@pytest.mark.parametrize("bad", ["", "x" * 201, "a\tb"])
def test_a_key_that_is_none_is_422(shop: Platform, body: dict[str, Any], bad: str) -> None:
    """An empty, an endless or an unprintable key is refused rather than ignored: ignoring it would double the task."""
    before = shop.rows("orchestration", "SELECT count(*) FROM tasks")
    answer = send(shop, body, bad)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"].lower().endswith(KEY)
    assert shop.rows("orchestration", "SELECT count(*) FROM tasks") == before


def test_the_answer_outlives_the_platform(platform: MakePlatform, body: dict[str, Any], key: str) -> None:
    """After kill -9 and a new start the key is still answered as before."""
    one = platform().start()
    first = send(one, body, key)
    one.kill()
    one.start()
    again = send(one, body, key)
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    count(one, [first.json()["id"]])


@pytest.mark.parametrize("act", [
    lambda shop, task: ("/hitl/decision", {"request_id": shop.request_of(task)["id"], "decision": "reject"}),
    lambda _, task: (f"/tasks/{task}/cancel", {"why": "not wanted"}),
], ids=["decision", "cancel"])  # fmt: skip
def test_decisions_and_cancellations_have_keys_too(shop: Platform, key: str, act: Callable[..., Any]) -> None:
    """Without a key the second one is a conflict; with one it is the first one's answer."""
    task = shop.submit("order", big_order())["id"]
    path, body = act(shop, task)
    first = shop.call("POST", path, json=body, headers={KEY: key})
    second = shop.call("POST", path, json=body, headers={KEY: key})
    third = shop.call("POST", path, json=body)
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 409]
    assert first.content == second.content
    count(shop, [task])
