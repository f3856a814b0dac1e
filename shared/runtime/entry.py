"""Serve ONE function with uvicorn, on a socket that somebody else may have bound.

FUNCTION=hitl-decide python -m shared.runtime.entry --port 9000
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
from collections.abc import Callable

import uvicorn

from shared.contract import FunctionSpec
from shared.runtime.app import build
from shared.runtime.load import find

DRAIN_SECONDS = 30


class _Server(uvicorn.Server):
    """A server that says when it accepts, and that drains when its lifeline breaks."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], lifeline: int) -> None:
        super().__init__(config)
        self._ready = ready
        self._lifeline = lifeline

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept, then say so."""
        await super().startup(sockets)
        if self._lifeline >= 0:
            asyncio.get_running_loop().add_reader(self._lifeline, self._lifeline_broke)
        self._ready()

    def _lifeline_broke(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline)
        self.should_exit = True


def run(function: str, listener: socket.socket, ready: Callable[[], None], lifeline: int = -1) -> None:
    """Serve `function` on a listening socket until SIGTERM, or until `lifeline` reads its end; drains, then returns.

    `ready` is called once connections are accepted. Raises `NotFound` for a function that the catalogue lacks.
    """
    spec = find(function)
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    _Server(_config(spec), ready, lifeline).run(sockets=[listener])


def _config(spec: FunctionSpec) -> uvicorn.Config:
    return uvicorn.Config(
        build(spec),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=3600,  # whoever is in front closes; closing first would race with its next request
        timeout_graceful_shutdown=DRAIN_SECONDS,
        h11_max_incomplete_event_size=None,
    )


def main() -> None:
    """Serve the function named by FUNCTION on a TCP port, as a container does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    options = parser.parse_args()
    listener = socket.create_server((options.host, options.port), backlog=512)
    run(os.environ.get("FUNCTION", ""), listener, lambda: None)


if __name__ == "__main__":
    main()
