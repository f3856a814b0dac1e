"""What a function's answer means for the messages that it was handed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from host.deliver import Verdict, deliver
from shared.bus.port import Message
from shared.errors import Busy, TryAgain
from shared.settings import settings

DONE = Verdict("done")


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()


def handed(messages: list[Message], answer: Any, batch: bool = True) -> tuple[list[Verdict], list[bytes]]:
    """The verdicts, and the bodies that the function was called with. `answer` makes an answer of a body."""
    bodies: list[bytes] = []

    async def call(_function: str, _headers: object, body: bytes) -> Answer:
        bodies.append(body)
        made: Answer = answer(body)
        return made

    return asyncio.run(deliver(call, "f", "token", messages, 1, batch=batch)), bodies


def messages(*bodies: bytes) -> list[Message]:
    return [Message(str(number), body) for number, body in enumerate(bodies)]


def reads_json(body: bytes) -> Answer:
    """A function that reads its batch as JSON, and takes 40 bytes at most."""
    if len(body) > 40:
        return Answer(413, b'{"detail": "too large"}')
    try:
        json.loads(body)
    except ValueError:
        return Answer(400, b'{"detail": "not JSON"}')
    return Answer(204)


def test_a_poison_message_in_a_batch_is_refused_alone() -> None:
    """Ten messages of which the fourth is no JSON: nine are done, and it is refused with the function's words."""
    bodies = [b"{}"] * 10
    bodies[3] = b"rubbish"
    verdicts, _ = handed(messages(*bodies), reads_json)
    assert verdicts == [Verdict("never", "400: not JSON") if number == 3 else DONE for number in range(10)]


def test_a_content_type_that_is_no_header_field_is_refused_without_a_call() -> None:
    """Whoever may write to a topic could otherwise write a line of the request, or stop the topic for everybody."""
    for kind in ("application/json\r\nx-accepted-at: 1", "text/\x00", "text/é", "text/" + "x" * 200):
        verdicts, bodies = handed([Message("1", b"{}", kind)], reads_json, batch=False)
        assert verdicts == [Verdict("never", "400: the content type is no header field")]
        assert bodies == []


def test_what_is_larger_than_any_function_takes_is_refused_without_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway would break the connection in the middle of it, which is nobody's answer. In a batch it dies alone."""
    monkeypatch.setenv("BIZOSAAS_BODY_LIMIT", "2000")
    settings.cache_clear()
    large = json.dumps("x" * 2000).encode()
    verdicts, bodies = handed(messages(b"{}", large, b"{}"), lambda body: Answer(204))
    assert verdicts == [DONE, Verdict("never", "413: the body may have 2000 bytes at most"), DONE]
    assert large not in b"".join(bodies)
    monkeypatch.undo()
    settings.cache_clear()


def test_a_batch_that_is_too_large_together_goes_in_parts() -> None:
    """Each message alone is small enough, so each is done, and in order."""
    bodies = [b'{"number":%d}' % number for number in range(8)]
    verdicts, sent = handed(messages(*bodies), reads_json)
    assert verdicts == [DONE] * 8
    taken = [item for body in sent if len(body) <= 40 for item in json.loads(body)]
    assert [item["number"] for item in taken] == list(range(8))


def test_a_batch_that_must_wait_is_not_taken_apart() -> None:
    """503 is about the function, not about a message."""
    verdicts, sent = handed(messages(b"{}", b"{}"), lambda _: Answer(503, b"", [(b"retry-after", b"7")]))
    assert verdicts == [Verdict("later", "503", 7.0, patient=True)] * 2
    assert len(sent) == 1


def test_each_of_a_batch_is_answered_for_itself() -> None:
    """207 has a verdict for each, in order; one that does not fit the batch is tried again."""
    rows = [{"status": 204}, {"status": 422, "detail": "no"}, {"status": 503, "detail": "busy"}]
    verdicts, sent = handed(messages(b"{}", b"{}", b"{}"), lambda _: Answer(207, json.dumps(rows).encode()))
    assert verdicts == [DONE, Verdict("never", "422: no"), Verdict("later", "503: busy", patient=True)]
    assert len(sent) == 1
    verdicts, _ = handed(messages(b"{}", b"{}"), lambda _: Answer(207, json.dumps(rows).encode()))
    assert [verdict.kind for verdict in verdicts] == ["later", "later"]


def test_a_function_that_cannot_be_reached_is_tried_later() -> None:
    """Busy is no attempt, a death is one."""

    def fails(error: Exception) -> list[Verdict]:
        def answer(_: bytes) -> Answer:
            raise error

        return handed(messages(b"{}"), answer, batch=False)[0]

    assert [verdict.kind for verdict in fails(Busy("full", retry_after=1))] == ["busy"]
    assert [verdict.kind for verdict in fails(TryAgain("gone"))] == ["later"]
