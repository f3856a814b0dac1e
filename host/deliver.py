"""From a message to a function and back: one POST, and what its answer means for the message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from events.envelope import BATCH, STRUCTURED
from events.jsontext import JsonError, loads
from host.errors import Unreachable
from shared.bus.port import Message
from shared.errors import Busy, Failed, HouseError
from shared.problems import problem_type
from shared.settings import settings


class Answer(Protocol):
    """What a function answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Lower-case names."""
        ...

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...


#: Calls a function: (name, headers, body). Raises a `HouseError` when it cannot be reached.
Call = Callable[[str, Sequence[tuple[bytes, bytes]], bytes], Awaitable[Answer]]


class Verdict(NamedTuple):
    """What becomes of a message: `done`, `never` (dead letter) or `later`; `delay` in seconds when told. `busy`
    means that nobody looked at it, `away` that there was nobody to ask: it is offered again without counting as an
    attempt. `patient` is a "later" that blames no message: the function said that it cannot just now (a database that
    is locked, say)."""

    kind: str
    reason: str = ""
    delay: float | None = None
    patient: bool = False


DONE = Verdict("done")
#: Answers by which a function says that it cannot now, and the problem type by which it says that it failed.
PATIENT = frozenset({401, 429, 503})
FAILED = problem_type(Failed(""))
BUSY = problem_type(Busy(""))
LONGEST_CONTENT_TYPE = 200


def again_soon(verdicts: Sequence[Verdict], *, work: bool) -> bool:
    """Whether what got these verdicts is offered again without counting: nobody looked at it, or, of work, nobody has
    time for it now. A database that is away for a minute must not use up the attempts of all the work there is. Facts
    have patience of their own: while they wait, others are read."""
    if verdicts[0].kind in ("busy", "away"):
        return True
    return work and all(verdict.patient for verdict in verdicts)


async def deliver(
    call: Call,
    function: str,
    token: str,
    messages: Sequence[Message],
    attempt: int,
    *,
    batch: bool,
    taken_at: float | None = None,
) -> list[Verdict]:
    """Hand messages to a function; one verdict each, in order. `taken_at` is when the bus took the only one.

    A batch that is refused as a whole (one of it is not readable, or all together are too large) is halved until the
    message to blame stands alone: its neighbours are not refused with it.
    """
    verdicts = await _deliver(call, function, token, messages, attempt, batch, taken_at)
    if len(messages) == 1 or any(verdict.kind != "never" for verdict in verdicts) or len(set(verdicts)) > 1:
        return verdicts
    middle = len(messages) // 2
    first = await deliver(call, function, token, messages[:middle], attempt, batch=batch)
    return first + await deliver(call, function, token, messages[middle:], attempt, batch=batch)


async def _deliver(
    call: Call,
    function: str,
    token: str,
    messages: Sequence[Message],
    attempt: int,
    batch: bool,
    taken_at: float | None,
) -> list[Verdict]:
    kind = BATCH if batch else messages[0].content_type or STRUCTURED
    body = b"[" + b",".join(message.body for message in messages) + b"]" if batch else messages[0].body
    if refusal := _no_request(kind, body):
        return [Verdict("never", refusal)] * len(messages)
    headers = [
        (b"content-type", kind.encode()),
        (b"authorization", b"Bearer " + token.encode()),
        (b"x-delivery-attempt", str(attempt).encode()),
    ]
    if taken_at is not None and not batch:
        headers.append((b"x-accepted-at", repr(taken_at).encode()))
    try:
        answer = await call(function, headers, body)
    except Unreachable as error:
        return [Verdict("away", error.detail, error.retry_after)] * len(messages)
    except HouseError as error:
        return [_verdict(error.status, problem_type(error), error.detail, error.retry_after)] * len(messages)
    if batch and answer.status == 207:
        return _each(answer.body, len(messages))
    return [_verdict(answer.status, *_problem(answer.body), _retry_after(answer))] * len(messages)


def _no_request(kind: str, body: bytes) -> str:
    """Why a message cannot be asked about at all, "" when it can. Whoever may write to a topic may write anything: what
    breaks the call and not the message would come again for ever."""
    if not (kind.isascii() and kind.isprintable() and len(kind) <= LONGEST_CONTENT_TYPE):
        return "400: the content type is no header field"
    limit = settings().body_limit
    return f"413: the body may have {limit} bytes at most" if len(body) > limit else ""


def _verdict(status: int, kind: str, detail: str, delay: float | None) -> Verdict:
    reason = f"{status}: {detail}" if detail else str(status)
    if 200 <= status < 300:
        return DONE
    if kind == BUSY:
        return Verdict("busy", detail, delay)
    if 400 <= status < 500 and status not in (401, 408, 425, 429):
        return Verdict("never", reason)
    return Verdict("later", reason, delay, patient=status in PATIENT and kind != FAILED)


def _each(body: bytes, count: int) -> list[Verdict]:
    try:
        rows = loads(body)
        verdicts = [
            _verdict(int(row["status"]), str(row.get("type", "")), str(row.get("detail", "")), None) for row in rows
        ]
    except (JsonError, KeyError, TypeError, ValueError):
        verdicts = []
    if len(verdicts) != count:
        return [Verdict("later", "207: the answer does not say what became of each event")] * count
    return verdicts


def _problem(body: bytes) -> tuple[str, str]:
    """(type, detail) of a problem document, "" where there is none."""
    if not body:  # as of whatever is done
        return "", ""
    try:
        problem = loads(body)
    except JsonError:
        return "", ""
    if not isinstance(problem, dict):
        return "", ""
    return str(problem.get("type", "")), str(problem.get("detail", ""))[:1000]


def _retry_after(answer: Answer) -> float | None:
    text = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
    return float(text) if text.isdigit() else None
