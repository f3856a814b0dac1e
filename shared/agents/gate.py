"""The one way out to a model: an httpx transport that holds each run to its address, its time and its limits.

1. Only the configured address is called, with six headers of ours; redirects are not followed.
2. Refused, busy (408, 429, 5xx) and broken connections are tried again, at most `attempts` times in all, after
   the server's Retry-After or a short pause that doubles. A server that stays silent is not asked twice.
3. After the deadline, the limit of requests or the first failure, nothing goes out any more.
4. 400 goes on to CrewAI, which can answer some (a server without tools, a full context window).

Reasons never quote the server. Their words avoid those by which CrewAI knows a rate limit, or it would wait and
ask again by itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from events.jsontext import JsonError, loads
from shared.agents.answer import ModelFailed

CONNECT_SECONDS = 5.0
LARGEST_ANSWER = 2 * 1024 * 1024
FIRST_WAIT = 0.25
LONGEST_WAIT = 20.0
_AGAIN = {408, 409, 429}


@dataclass(frozen=True)
class Limits:
    """What one run may use. `deadline` is a time of `time.monotonic`; `timeout` the seconds for one answer."""

    deadline: float
    timeout: float
    requests: int
    attempts: int = 3


class Gate(httpx.BaseTransport):
    """One run's transport over the `inner` one, which the process shares. `failure` is why the run is over."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        base_url: str,
        api_key: str,
        limits: Limits,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`api_key` may be empty: then no Authorization header is sent."""
        self.failure: ModelFailed | None = None
        self.answers = 0
        self._inner = inner
        self._base = httpx.URL(base_url.rstrip("/") + "/")
        self._key = api_key
        self._limits = limits
        self._sleep = sleep
        self._requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, again where that may help. Raises `ModelFailed`, and keeps it in `failure`."""
        try:
            if self.failure is not None:
                raise self.failure
            self._requests += 1
            if self._requests > self._limits.requests:
                raise ModelFailed(f"the model gave no final answer in {self._limits.requests} requests")
            return self._send(self._ours(request))
        except ModelFailed as failure:
            self.failure = failure
            raise

    def close(self) -> None:
        """The inner transport belongs to the process and stays open."""

    def _ours(self, request: httpx.Request) -> httpx.Request:
        url = request.url
        if (url.scheme, url.netloc) != (self._base.scheme, self._base.netloc) or not url.path.startswith(
            self._base.path
        ):
            raise ModelFailed("CrewAI wanted an address other than the model's")
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "bizosaas",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return httpx.Request(request.method, url, headers=headers, content=request.read())

    def _send(self, request: httpx.Request) -> httpx.Response:
        for attempt in range(1, self._limits.attempts + 1):
            trouble = self._attempt(request)
            if isinstance(trouble, httpx.Response):
                return trouble
            wait = trouble.pause or FIRST_WAIT * 2 ** (attempt - 1) * (1 + random.random() / 4)
            left = self._limits.deadline - time.monotonic()
            if attempt == self._limits.attempts or wait > min(LONGEST_WAIT, left):
                raise trouble
            self._sleep(wait)
        raise AssertionError("the loop returns or raises at its last attempt")

    def _attempt(self, request: httpx.Request) -> httpx.Response | ModelFailed:
        """The answer, or a failure that another attempt may mend. Raises one that it cannot."""
        until = min(self._limits.deadline, time.monotonic() + self._limits.timeout)
        seconds = max(0.001, until - time.monotonic())
        connect = min(CONNECT_SECONDS, seconds)
        request.extensions["timeout"] = {"connect": connect, "read": seconds, "write": seconds, "pool": connect}
        try:
            response = self._inner.handle_request(request)
            try:
                body = b"".join(_within(response, until))
            finally:
                response.close()
        except httpx.ConnectTimeout:
            return ModelFailed("the model cannot be reached (no connection in time)")
        except httpx.TimeoutException:
            raise ModelFailed("the model did not answer in time") from None
        except httpx.ConnectError:
            return ModelFailed("the model cannot be reached")
        except httpx.TransportError as error:
            return ModelFailed(f"the connection to the model broke ({type(error).__name__})")
        if response.status_code in _AGAIN or response.status_code >= 500:
            return ModelFailed(_said(response.status_code), pause=_retry_after(response))
        if response.status_code not in (200, 400):
            raise ModelFailed(_said(response.status_code))
        if response.status_code == 200:
            _check_completion(response, body)
            self.answers += 1
        return httpx.Response(
            response.status_code, headers={"content-type": "application/json"}, content=body, request=request
        )


def _within(response: httpx.Response, until: float) -> Iterator[bytes]:
    size = 0
    for chunk in response.iter_raw():
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise ModelFailed(f"the model's answer is larger than {LARGEST_ANSWER} bytes")
        if time.monotonic() > until:
            raise ModelFailed("the model did not finish its answer in time")
        yield chunk


def _check_completion(response: httpx.Response, body: bytes) -> None:
    """Raises `ModelFailed` unless a body is a chat completion that says something or calls a tool."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ModelFailed("the model's server answered in an encoding that was not asked for")
    try:
        message = loads(body)["choices"][0]["message"]
        said = bool(message.get("content") or message.get("tool_calls"))
    except (JsonError, LookupError, TypeError, AttributeError):
        raise ModelFailed("the model's server answered something that is not a chat completion") from None
    if not said:
        raise ModelFailed("the model gave an empty answer")


def _said(status: int) -> str:
    meanings = {
        401: "refused the key (401)",
        403: "refused the key (403)",
        404: "knows no such model or path (404)",
        429: "asked for fewer requests (429)",
    }
    return f"the model's server {meanings.get(status, f'answered {status}')}"


def _retry_after(response: httpx.Response) -> float:
    """Seconds of a Retry-After header, as a number or a date (RFC 9110 section 10.2.3); 0 without one."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
