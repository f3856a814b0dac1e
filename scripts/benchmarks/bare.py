"""A function that does nothing but answer, and a host for it alone: what is measured is the way, not the work.

python -m scripts.benchmarks.bare     prints its port, serves until SIGTERM
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import uvloop
from starlette.types import Receive, Scope, Send

from host.ingress import Ingress
from host.platform import Host
from host.settings import Image, Settings
from host.stack import Function, read_stack
from shared.auth.tokens import verify

NAME = "bare"
STACK = """
version: 1.0
provider: {name: openfaas}
functions:
  bare:
    image: bare:1
    skip_build: true
    labels: {com.openfaas.scale.zero-duration: 600s}
    annotations: {concurrency: '64', queue-limit: '256', timeout: 30s}
"""


async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
    """The ASGI application: 200 and two bytes."""
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


def run(_function: str, listener: socket.socket, ready: Callable[[], None], lifeline: int = -1) -> None:
    """The entry of the function's process: served as every function is."""
    from shared.runtime.entry import configure, serve

    uvloop.run(serve(configure(answer), listener, ready, lifeline))


async def _host(folder: Path) -> None:
    path = folder / "stack.yml"
    path.write_text(STACK)
    functions: dict[str, Function] = read_stack(path, {})
    images = (Image("bare", ("uvloop", "shared.runtime.entry")),)
    settings = Settings(entry="scripts.benchmarks.bare:run", images=images)
    host = Host(functions, Ingress(()), settings, authenticate=verify)
    await host.start()
    print(await host.listen("127.0.0.1", 0), flush=True)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    await host.stop(5.0)


if __name__ == "__main__":
    import sys

    uvloop.run(_host(Path(sys.argv[1])))
