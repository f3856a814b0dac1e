"""Around an HTTP function that answers with server-sent events: the same door, no database, and an end in good time.

It ends when the caller's seconds are over, or the process is told to end. The answer goes out as it comes.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.contract import FunctionSpec
from shared.errors import HouseError
from shared.live.entries import Stream
from shared.live.follow import MEDIA_TYPE, View, follow
from shared.problems import to_problem
from shared.runtime.guard import authorise
from shared.runtime.pace import keep_pace
from shared.runtime.transaction import TranslateError, messages_of, read_body
from shared.settings import settings

#: How long a stream lasts at most, in seconds. A function that streams has more time, so that it ends by itself.
LONGEST = 100


class EventStream(StreamingResponse):
    """Server-sent events. Nobody on the way may keep or collect them."""

    media_type = MEDIA_TYPE


class Streaming:
    """The steps around a FastAPI router whose answer is a stream."""

    def __init__(self, spec: FunctionSpec, app: ASGIApp, translate_error: TranslateError) -> None:
        """As of `Transaction`. Raises `ValueError` for a function whose time is over before a stream's."""
        if spec.timeout <= LONGEST:
            raise ValueError(f"{spec.name} streams for {LONGEST} s: its timeout must be longer")
        self.spec = spec
        self.app = app
        self.translate_error = translate_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        begun = False

        async def pass_on(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            caller = authorise(self.spec, scope["headers"])
            await keep_pace(self.spec, caller, scope)
            await read_body(scope, receive, settings().body_limit)
            scope.update({"house.caller": caller, "app": self.app})
            await self.app(scope, receive, pass_on)
        except Exception as error:
            known = error if isinstance(error, HouseError) else self.translate_error(error)
            if known is None or begun:
                raise
            for message in messages_of(*to_problem(known)):
                await send(message)


class LiveNow:
    """The caller's view of a stream."""

    def __init__(
        self,
        request: Request,
        last_event_id: Annotated[str, Header(max_length=50)] = "",
        seconds: Annotated[int, Query(ge=1, le=LONGEST)] = LONGEST,
    ) -> None:
        """`last_event_id` is where the caller's last view ended, `seconds` how long this one may last."""
        self._scope = request.scope
        self._last = last_event_id
        self._seconds = seconds

    def of(self, stream: Stream) -> EventStream:
        """The answer: that stream of the caller's tenant."""
        view = View(
            url=settings().cache_url,
            tenant=self._scope["house.caller"].tenant,
            stream=stream,
            last=self._last,
            seconds=self._seconds,
            stopping=self._scope.get("state", {}).get("stopping") or asyncio.Event(),
        )
        return EventStream(follow(view), headers={"cache-control": "no-store", "x-accel-buffering": "no"})


Live = Annotated[LiveNow, Depends(LiveNow)]
