"""The ASGI application of one function, of either kind."""

from __future__ import annotations

import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from events.envelope import BATCH, DecodeError, decode_http
from events.jsontext import dumps
from shared.contract import FunctionSpec
from shared.errors import HouseError, Malformed
from shared.objects.claim import fetch_data, may_have_left
from shared.problems import problem_type, to_problem
from shared.runtime.guard import authorise
from shared.runtime.load import load
from shared.runtime.process import Outcome, process
from shared.runtime.showing import show
from shared.runtime.transaction import messages_of, read_body
from shared.settings import settings


def build(spec: FunctionSpec) -> ASGIApp:
    """The application of a function; its module is imported here, before the first call."""
    if spec.kind == "http":
        from shared.runtime.http import build as build_http

        return build_http(spec)
    load(spec)
    return EventApp(spec)


class EventApp:
    """Takes CloudEvents by POST: 204 when done, a problem when not.

    A batch is answered with 204 when all of it is done, else 207 and one `{status, type, detail}` for each event.
    """

    def __init__(self, spec: FunctionSpec) -> None:
        """One function's row."""
        self.spec = spec
        self._process = process if spec.store else show

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            status, headers, body = await self._answer(scope, receive)
        except HouseError as error:
            status, headers, body = to_problem(error)
        for message in messages_of(status, headers, body):
            await send(message)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[str, str]], bytes]:
        caller = authorise(self.spec, scope["headers"])
        if scope["method"] != "POST":
            raise Malformed("events come by POST")
        body = await read_body(scope, receive, settings().body_limit)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await anyio.to_thread.run_sync(fetch_data, body) if may_have_left(body) else body
        try:
            items = decode_http(headers, body)
        except DecodeError as error:
            raise Malformed(f"not an event of this house: {error}") from None
        attempt = headers.get("x-delivery-attempt", "")
        outcomes = await anyio.to_thread.run_sync(
            self._process, self.spec, items, caller, int(attempt) if attempt.isdigit() else 0
        )
        return _answer_for(outcomes, headers.get("content-type", "").startswith(BATCH))


def _answer_for(outcomes: list[Outcome], batch: bool) -> tuple[int, list[tuple[str, str]], bytes]:
    if all(outcome.error is None for outcome in outcomes):
        return 204, [], b""
    if not batch:
        assert outcomes[0].error is not None
        return to_problem(outcomes[0].error)
    rows = [_row(outcome.error) for outcome in outcomes]
    return 207, [("content-type", "application/json")], dumps(rows).encode()


def _row(error: HouseError | None) -> dict[str, object]:
    if error is None:
        return {"status": 204}
    return {"status": error.status, "type": problem_type(error), "detail": error.detail}
