"""The client's flood of lines is told as one line now and then."""

from __future__ import annotations

import logging

import pytest

from shared.bus.kafka.said import SELDOM_SECONDS, Seldom, tell_seldom


def test_of_many_lines_the_first_is_told_and_later_how_many_came_between(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    handler = Seldom(lambda: now[0])
    client = logging.Logger("client")
    client.addHandler(handler)
    try:
        raise ConnectionResetError
    except ConnectionResetError:
        client.exception("reset %s", "by peer")
    for _ in range(41):
        client.error("disconnected")
    client.info("connected")
    now[0] += SELDOM_SECONDS
    client.warning("slow")
    assert [record.getMessage() for record in caplog.records] == [
        "Kafka's client: reset by peer",
        "Kafka's client: slow (41 more lines before it)",
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_an_exception_in_the_clients_loop_is_told_among_all_that_follows_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler = Seldom(lambda: 100.0)
    client, loop = logging.Logger("kafka.producer"), logging.Logger("kafka.net.selector")
    for logger in (client, loop):
        logger.addHandler(handler)
    client.warning("timed out")
    for _ in range(2):
        try:
            raise ReferenceError("it is gone")
        except ReferenceError:
            loop.exception("Unhandled exception in task")
    assert [record.getMessage() for record in caplog.records] == [
        "Kafka's client: timed out",
        "Kafka's client: Unhandled exception in task: ReferenceError: it is gone",
    ]


def test_the_client_is_given_one_such_voice_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    client = logging.getLogger("kafka")
    monkeypatch.setattr(client, "handlers", [])
    monkeypatch.setattr(client, "propagate", True)
    tell_seldom()
    tell_seldom()
    assert [type(handler) for handler in client.handlers] == [Seldom]
    assert not client.propagate
