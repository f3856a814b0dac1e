"""What is confirmed is told apart from what is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError
from kafka.future import Future

from shared.bus.kafka import kafka_address
from shared.bus.kafka.publish import KafkaSender
from shared.bus.port import Message, NotSent
from tests.shared.bus.world import topology


class Producer:
    """Confirms at once, but for the values that it is told to lose; says what it was asked."""

    def __init__(self, lost: set[bytes]) -> None:
        self._lost = lost
        self._sender = SimpleNamespace(force_close=lambda: None)

    def send(self, _topic: str, *, value: bytes, **_more: Any) -> Any:
        future = Future()
        if value in self._lost:
            future.failure(KafkaTimeoutError("no answer"))
        else:
            future.success(None)
        return SimpleNamespace(succeeded=future.succeeded, get=lambda timeout: _result(future, timeout))

    def close(self, timeout: float) -> None:
        assert timeout


def _result(future: Any, timeout: float) -> Any:
    assert timeout
    if future.failed():
        raise future.exception
    return future.value


def test_only_what_is_not_confirmed_is_told_as_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = KafkaSender(kafka_address("kafka://127.0.0.1:1"), topology())
    monkeypatch.setattr(sender, "_open", lambda: Producer({b"b"}))
    facts = [("domain.orders", Message(name, name.encode(), key="k")) for name in "abc"]
    with pytest.raises(NotSent, match="KafkaTimeoutError") as refusal:
        sender.send_facts(facts)
    assert refusal.value.ids == {"b"}
