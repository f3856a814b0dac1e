"""A function without a store shows entries, all of a call together; while Redis is gone its events come again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from events.envelope import DecodeError, Envelope
from events.orchestration import AgentFailed, TaskAssigned
from functions.catalogue import by_name
from shared.contract import Caller
from shared.live import streams
from shared.live.link import _gate, _link, open_link
from shared.runtime import showing
from shared.runtime.guard import ANYONE
from shared.settings import Settings, read_settings
from tests.redis_server import RedisServer

SPEC = by_name()["live-publish"]
FAILED = AgentFailed(task_id="t-1", role="payment_validator", step=0, error="role_failed")
ASSIGNED = TaskAssigned(task_id="t-2", task_type="order", role="payment_validator", queue="auto_orders", step=0)


def sent(event: Any, number: int, tenant: str = "acme") -> Envelope:
    extensions = {"tenantid": tenant} if tenant else {}
    return Envelope(f"e-{number}", "/test", event, time=datetime.now(UTC), extensions=extensions)


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    chosen: Settings = replace(read_settings({}), cache_url=server.url)
    monkeypatch.setattr(showing, "settings", lambda: chosen)
    monkeypatch.setattr(showing, "link", lambda url: open_link(url, 20.0))
    yield server
    server.end()
    _link.cache_clear()
    _gate.cache_clear()


def run(*items: Any, caller: Caller = ANYONE) -> list[int]:
    return [outcome.status for outcome in showing.show(SPEC, items, caller, 1)]


def kinds(server: RedisServer, stream: Any, tenant: str = "acme") -> list[str]:
    with server.client() as client:
        return [fields["kind"] for _, fields in client.xrange(streams.key(tenant, stream))]


def test_a_batch_is_shown_whole_and_a_copy_of_it_changes_nothing(redis: RedisServer) -> None:
    batch = [sent(ASSIGNED, 1), sent(FAILED, 2), sent(FAILED, 3, "other"), sent(FAILED, 4, "")]
    assert run(*batch) == run(*batch) == [204] * 4
    assert kinds(redis, "agents") == ["assigned", "failed"]
    assert kinds(redis, "coordination") == ["handed_over"]
    assert kinds(redis, "agents", "other") == ["failed"]


def test_what_cannot_be_read_or_is_anothers_is_answered_for_itself(redis: RedisServer) -> None:
    bad = DecodeError("no event", b"{}")
    assert run(bad, sent(FAILED, 1), sent(FAILED, 2, "other"), caller=Caller("s", "acme", "AGENT")) == [400, 204, 403]
    assert kinds(redis, "agents") == ["failed"]


def test_while_redis_is_gone_the_good_ones_come_again(redis: RedisServer) -> None:
    bad = DecodeError("no event", b"{}")
    redis.kill()
    assert run(bad, sent(FAILED, 1)) == [400, 503]
    redis.start()
    assert run(sent(FAILED, 1)) == [204]
    assert kinds(redis, "agents") == ["failed"]


def test_a_function_without_a_store_that_says_more_than_entries_fails(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing, "load", lambda _spec: SimpleNamespace(handle=lambda _event, _services: [FAILED]))
    assert run(sent(FAILED, 1)) == [503]
