"""Waiting for quiet: as long as it becomes less, and then a clear word of what is left."""

from __future__ import annotations

from pathlib import Path

from scripts.trial.quiet import under_way, wait_until_quiet
from shared.bus.port import Message
from tests.scripts.trial.shop import bus, change


def test_a_platform_at_rest_is_quiet(shop: Path) -> None:
    with bus() as one:
        one.forget("tasks-react")
        assert wait_until_quiet(one, 5, {}) == []


def test_what_does_not_become_less_is_said(shop: Path) -> None:
    """Work that nobody takes, an event that nobody sends, a fact that nobody reads."""
    change("orchestration", "UPDATE outbox SET sent_at = NULL WHERE to_queue")
    with bus() as one:
        one.send([("auto_orders", Message("w", b"{}"))], [("audit.trail", Message("f", b"{}"))])
        assert one.read(["audit.trail"], "audit-record", 1, 0.01)
        left = wait_until_quiet(one, 0.2, {})
    assert [words.partition(" ")[2] for words in left] == [
        "events of orchestration are not sent",
        "messages of auto_orders wait",
        "facts of audit.trail are not read by audit-record",
    ]


def test_what_cannot_be_asked_is_not_at_rest(shop: Path) -> None:
    with bus() as one:
        one.forget("tasks-react")
        (moving,) = under_way(one, {"TRIAL_MANAGEMENT_URL": "http://u:p@127.0.0.1:9"})
    assert moving.words.startswith("a store cannot be asked: RabbitMQ's management API does not answer")
