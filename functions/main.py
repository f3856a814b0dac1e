"""The stock functions-framework command serves any one function from here, by its name:

    functions-framework --asgi --source functions/main.py --target hitl-decide

Its `cloudevent` signature always answers 200 "OK" and cannot say "try again"; so every function is served with the
`http` signature, which leaves the answer to our runtime. It has no way to send an answer as it comes: a stream is
answered whole, when it ends.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the command does not look in its own folder

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from shared.errors import NotFound
from shared.runtime.app import build
from shared.runtime.load import find


def __getattr__(name: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """The target of that name, as the command looks it up. Raises `AttributeError` for a name of no function."""
    try:
        app = build(find(name))
    except NotFound as error:
        raise AttributeError(error.detail) from None

    async def target(request: Request) -> Response:
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await app(request.scope, request.receive, collect)
        start = messages[0]
        response = Response(b"".join(message.get("body", b"") for message in messages[1:]), start["status"])
        response.raw_headers = list(start["headers"])
        return response

    return target
