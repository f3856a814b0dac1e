"""Serve ONE function over HTTP, on a socket that somebody else may have bound.

FUNCTION=hitl-decide python -m shared.runtime.entry --port 9000

uvicorn's protocol speaks HTTP; its server is not used: that one wakes ten times a second to look at a flag.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import cache

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.contract import FunctionSpec
from shared.errors import HouseError
from shared.quiet import quiet_libraries
from shared.runtime import outbox
from shared.runtime.app import build
from shared.runtime.load import find
from shared.settings import settings

DRAIN_SECONDS = 30
_POLL_SECONDS = 0.02


def run(function: str, listener: socket.socket, ready: Callable[[], None], lifeline: int = -1) -> None:
    """Serve `function` on a listening socket until SIGTERM, or until `lifeline` reads its end; drains, then returns.

    `ready` is called once connections are accepted. Raises `NotFound` for a function that the catalogue lacks, and
    `Invalid` for an environment that cannot be used.
    """
    settings()  # a wrong environment ends the process, with its reason in the log; it is no caller's mistake later
    config = prepare(find(function))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    quiet_libraries()
    try:
        uvloop.run(serve(config, listener, ready, lifeline))
    finally:
        outbox.sent().note()


@cache
def prepare(spec: FunctionSpec) -> uvicorn.Config:
    """All that serving a function needs and that a fork may inherit: its application, built, and how to speak HTTP."""
    return configure(build(spec))


def configure(app: ASGIApp) -> uvicorn.Config:
    """How an application is served."""
    config = uvicorn.Config(
        app,
        http=HttpToolsProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=3600,  # whoever is in front closes; closing first would race with its next request
    )
    config.load()
    return config


async def serve(config: uvicorn.Config, listener: socket.socket, ready: Callable[[], None], lifeline: int) -> None:
    """Answer on the socket until told to end, as `run` says, and drain."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if lifeline >= 0:
        loop.add_reader(lifeline, stopping.set)
    state = ServerState()
    told = {"stopping": stopping}  # a request's scope has it: an answer without end ends then
    server = await loop.create_server(lambda: HttpToolsProtocol(config, state, told, loop), sock=listener)
    ready()
    await stopping.wait()
    if lifeline >= 0:
        loop.remove_reader(lifeline)
    server.close()
    for connection in list(state.connections):
        connection.shutdown()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while state.connections or state.tasks:
                await asyncio.sleep(_POLL_SECONDS)


def main() -> None:
    """Serve the function named by FUNCTION on a TCP port, as a container does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8080"))
    options = parser.parse_args()
    name = os.environ.get("FUNCTION", "")
    if not name:
        parser.error("FUNCTION names the function to serve; it is not set")
    try:
        find(name)
        with socket.create_server((options.host, options.port), backlog=512) as listener:
            run(name, listener, lambda: None)
    except HouseError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
