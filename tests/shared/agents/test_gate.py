"""The way out to a model: one address, bounded time, bounded attempts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from shared.agents.answer import ModelFailed
from shared.agents.gate import Gate, Limits

BASE = "https://model.example:8443/v1"
GOOD = b'{"choices": [{"message": {"role": "assistant", "content": "hello"}}]}'


def gate(
    *answers: httpx.Response | Exception, seconds: float = 60, requests: int = 9, key: str = "sk-1"
) -> tuple[Gate, list[httpx.Request], list[float]]:
    """A gate over scripted answers, what it sent and how long it slept."""
    sent: list[httpx.Request] = []
    slept: list[float] = []
    script = iter(answers)

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        answer = next(script)
        if isinstance(answer, Exception):
            raise answer
        # As it comes from the network: not read yet.
        stream = httpx.ByteStream(answer.content) if answer.is_stream_consumed or answer.is_closed else answer.stream
        return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)

    limits = Limits(time.monotonic() + seconds, timeout=5, requests=requests)
    return Gate(httpx.MockTransport(respond), BASE, key, limits, sleep=slept.append), sent, slept


def post(through: Gate, url: str = f"{BASE}/chat/completions", **headers: str) -> httpx.Response:
    return through.handle_request(httpx.Request("POST", url, headers=headers, content=b"{}"))


def good() -> httpx.Response:
    return httpx.Response(200, content=GOOD)


def test_only_six_headers_go_out_and_the_key_is_ours() -> None:
    through, sent, _ = gate(good())
    response = post(through, Authorization="Bearer other", Cookie="a=b", **{"X-Stainless-OS": "Linux"})
    assert response.read() == GOOD
    assert dict(sent[0].headers) == {
        "host": "model.example:8443",
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": "Bearer sk-1",
        "content-type": "application/json",
        "content-length": "2",
        "user-agent": "bizosaas",
    }


def test_without_a_key_no_authorization_is_sent() -> None:
    through, sent, _ = gate(good(), key="")
    post(through, Authorization="Bearer none")
    assert "authorization" not in sent[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "http://model.example:8443/v1/chat/completions",
        "https://model.example/v1/chat/completions",
        "https://model.example.evil:8443/v1/chat/completions",
        "https://model.example:8443/v2/chat/completions",
        "https://telemetry.example/v1/traces",
    ],
)
def test_another_address_is_refused(url: str) -> None:
    through, sent, _ = gate(good())
    with pytest.raises(ModelFailed, match="address other than"):
        post(through, url)
    assert sent == []


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_busy_servers_are_asked_again_after_what_they_ask_for(status: int) -> None:
    through, sent, slept = gate(httpx.Response(status, headers={"Retry-After": "7"}), good())
    assert post(through).status_code == 200
    assert (len(sent), slept) == (2, [7.0])


def test_a_retry_after_may_be_a_date() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    through, _, slept = gate(httpx.Response(429, headers={"Retry-After": when}), good())
    post(through)
    assert 8 < slept[0] <= 10


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "Wed, 21 Oct 2015 07:28:00 GMT", "٣"])
def test_a_retry_after_that_says_nothing_means_a_short_pause_that_doubles(value: str) -> None:
    busy = httpx.Response(503, headers=[(b"retry-after", value.encode())])
    through, sent, slept = gate(busy, busy, good())
    post(through)
    assert len(sent) == 3
    assert 0.25 <= slept[0] <= 0.32
    assert 0.5 <= slept[1] <= 0.63


@pytest.mark.parametrize(("asked", "seconds"), [("21", 60.0), ("9", 5.0), ("99999999999999", 60.0)])
def test_a_pause_longer_than_the_time_left_ends_the_run_and_is_passed_on(asked: str, seconds: float) -> None:
    through, sent, slept = gate(httpx.Response(429, headers={"Retry-After": asked}), seconds=seconds)
    with pytest.raises(ModelFailed) as caught:
        post(through)
    assert caught.value.pause == float(asked[:9])
    assert (len(sent), slept) == (1, [])


def test_three_attempts_are_all() -> None:
    through, sent, slept = gate(*[httpx.Response(500)] * 3)
    with pytest.raises(ModelFailed, match="answered 500"):
        post(through)
    assert (len(sent), len(slept)) == (3, 2)


@pytest.mark.parametrize(
    ("broken", "sent_times", "reason"),
    [
        (httpx.ConnectError("refused"), 3, "cannot be reached"),
        (httpx.ConnectTimeout("slow"), 3, "no connection in time"),
        (httpx.RemoteProtocolError("cut"), 3, "broke (RemoteProtocolError)"),
        (httpx.ReadTimeout("silent"), 1, "did not answer in time"),
    ],
)
def test_a_broken_connection_is_tried_again_and_a_silent_server_is_not(
    broken: Exception, sent_times: int, reason: str
) -> None:
    through, sent, _ = gate(*[broken] * 3)
    with pytest.raises(ModelFailed) as caught:
        post(through)
    assert reason in caught.value.reason
    assert len(sent) == sent_times


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"choices": []}'),
        httpx.Response(200, content=b'{"choices": [{"message": "hello"}]}'),
        httpx.Response(200, content=b'{"choices": [{"message": {"content": ""}}]}'),
        httpx.Response(200, content=b'{"choices": [{"message": {"content": null, "tool_calls": []}}]}'),
        httpx.Response(200, content=b"\xff" * 50),
        httpx.Response(200, headers={"Content-Encoding": "x-unknown"}, content=GOOD),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(401),
    ],
)
def test_what_no_second_attempt_would_mend_ends_the_run(response: httpx.Response) -> None:
    through, sent, _ = gate(response, good())
    with pytest.raises(ModelFailed) as first:
        post(through)
    with pytest.raises(ModelFailed) as second:
        post(through)
    assert second.value is first.value is through.failure
    assert len(sent) == 1


def test_a_bad_request_goes_on_to_crewai() -> None:
    through, _, _ = gate(httpx.Response(400, content=b'{"error": {"message": "no tools"}}'))
    assert post(through).status_code == 400
    assert through.failure is None


def test_an_endless_body_ends_at_the_limit() -> None:
    def body() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    through, _, _ = gate(httpx.Response(200, content=body()))
    with pytest.raises(ModelFailed, match="larger than"):
        post(through)


def test_the_limit_of_requests_ends_the_run() -> None:
    through, sent, _ = gate(*[good() for _ in range(5)], requests=3)
    for _ in range(3):
        post(through)
    with pytest.raises(ModelFailed, match="no final answer in 3 requests"):
        post(through)
    assert len(sent) == 3


def test_no_reason_sounds_like_a_rate_limit_to_crewai() -> None:
    """CrewAI waits and asks again by itself when an error's text has one of these."""
    markers = ("rate limit", "rate-limit", "too many requests", "throttled", "resource exhausted")
    scripts: list[Callable[[], httpx.Response]] = [lambda s=s: httpx.Response(s) for s in range(401, 600)]
    for answer in scripts:
        through, _, _ = gate(answer(), answer(), answer())
        with pytest.raises(ModelFailed) as caught:
            post(through)
        assert not any(marker in caught.value.reason.lower() for marker in markers)
