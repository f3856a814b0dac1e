"""A clock wakes functions, each at its own rhythm."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest

from events.envelope import Envelope, decode
from events.work import TimerFired
from host.subscriptions import Subscription
from host.timers import Timers
from shared.errors import TryAgain


class Answer(NamedTuple):
    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


TICKS = Subscription("hitl-expire", (), (), 1, 1, 1, 30.0)


def fired(answer: Any, times: int) -> list[tuple[str, Envelope]]:
    seen: list[tuple[str, Envelope]] = []

    async def call(function: str, headers: Any, body: bytes) -> Answer:
        assert (b"authorization", b"Bearer token") in headers
        seen.append((function, decode(body)))
        return answer()

    async def main() -> None:
        timers = Timers([TICKS], call, lambda: "token")
        for _ in range(times):
            await timers.fire("hitl-expire")

    asyncio.run(main())
    return seen


def test_a_firing_is_an_event_of_no_tenant_with_an_id_of_its_own() -> None:
    (_, first), (_, second) = fired(lambda: Answer(204), 2)
    assert isinstance(first.event, TimerFired)
    assert first.tenant == ""
    assert first.id != second.id


def test_a_firing_that_fails_is_said_and_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Answer:
        raise TryAgain("busy")

    assert len(fired(fails, 2)) == 2
    assert "the timer of hitl-expire could not fire: busy" in caplog.text
