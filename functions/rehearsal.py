"""What a woken function does at its first call, done for a zygote to learn which memory that touches.

Each of these serves one real request over a socket, with the code that a function runs, in a folder that is removed
again. It is for a process that ends with it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from multiprocessing import get_context

from functions.catalogue import AUTO_QUEUES, by_name
from functions.warm import ORDER, TENANT, make_tables, request, throwaway
from shared.auth.keys import ensure_keys
from shared.auth.tokens import issue_access, service_token
from shared.bus import open_bus
from shared.runtime import entry
from shared.settings import settings


def answer() -> None:
    """Read a database for a person, as most functions do."""
    _serve("tasks-list", _list_tasks)


def step() -> None:
    """Do an agent role's step of a task."""
    _serve("agent-payment-validator", _work)


def _serve(function: str, make_request: Callable[[], bytes]) -> None:
    """Serve until the caller, a process of its own whose memory does not count here, has its answer."""
    with throwaway():
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("")  # an address without a file, of the kernel's choice (unix(7), autobind)
        listener.listen()
        lifeline, its_end = socket.socketpair()
        caller = get_context("fork").Process(target=_call, args=(listener, make_request))
        caller.start()
        its_end.close()
        with lifeline:
            entry.run(function, listener, lambda: None, lifeline.fileno())
        caller.join()


def _call(listener: socket.socket, make_request: Callable[[], bytes]) -> None:
    address = listener.getsockname()
    listener.close()  # when the function is gone nobody listens, and nobody waits for it
    ensure_keys(settings().secrets)
    make_tables()
    asyncio.run(request(by_name()["tasks-create"], {"type": "order", "data": ORDER}))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendall(make_request())
        status = connection.recv(1 << 16).split(b"\r\n")[0]
    if b" 20" not in status:
        raise RuntimeError(f"the rehearsal was answered with {status!r}")


def _list_tasks() -> bytes:
    token = issue_access(user_id="warm", tenant=TENANT, role="TENANT_ADMIN", session_id="warm")
    return f"GET /tasks HTTP/1.1\r\nhost: warm\r\nauthorization: Bearer {token}\r\n\r\n".encode()


def _work() -> bytes:
    bus = open_bus(settings().bus_url)
    try:
        [work] = [one.message.body for queue in AUTO_QUEUES for one in bus.lease(queue, 1, 60)]
    finally:
        bus.close()
    token = service_token(TENANT, "rehearsal")
    head = f"POST / HTTP/1.1\r\nhost: warm\r\nauthorization: Bearer {token}\r\ncontent-length: {len(work)}"
    return head.encode() + b"\r\ncontent-type: application/cloudevents+json\r\n\r\n" + work
