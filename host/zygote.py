"""The zygote: a process that has imported an image's libraries and does nothing but fork functions from
itself; one of them ahead of time (`spare.py`).

    python -m host.zygote --control FD --entry shared.runtime.entry:run --preload fastapi,uvicorn,... \\
                          [--rehearse functions.rehearsal:answer]

It imports, checks that it has one OS thread (a fork copies the calling thread only, and the locks that others
held for ever), freezes what it has (so that no garbage collection in a child writes on shared pages) and
serves its control socket, of the kind SOCK_SEQPACKET: a message arrives whole or not at all. Both directions
speak JSON:

    host -> zygote   {"id": 7, "function": "tasks-get", "environment": {...},
                      "memory": 268435456 | null, "threads": 16}
                     with three file descriptors: the listening socket, the log pipe, the leash
    zygote -> host   {"ready": true, "pid": 41, "seconds": 0.9}
                     {"id": 7, "pid": 4711}  or  {"id": 7, "error": "..."}
                     {"exit": 4711, "status": -9}

The leash is a socket pair between the host and one child: the child says its process id on it when it accepts
calls, and its end of file means, on either side, that the other is gone. This module imports the standard
library only: what it imports is in every function.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from functools import partial
from typing import Any

from host import child
from host.pages import collapse
from host.spare import FDS, LARGEST, Spares


def send(control: socket.socket, message: dict[str, Any]) -> None:
    """One message to the host; BrokenPipeError when it is gone."""
    control.send(json.dumps(message).encode())


def os_threads() -> int:
    """How many threads the kernel sees in this process (libraries start some that Python does not know)."""
    return len(os.listdir("/proc/self/task"))


def preload(modules: list[str]) -> None:
    """Imports the image's modules and makes this process fit to fork from; RuntimeError when a thread was
    started.
    """
    gc.disable()
    for module in modules:
        importlib.import_module(module)
    if os_threads() != 1:
        raise RuntimeError(f"importing {', '.join(modules)} left {os_threads()} threads: forking is not safe")
    gc.collect()
    gc.freeze()
    collapse()


class Zygote:
    """Makes functions on request, reaps, and reports both, until the host closes the control socket."""

    def __init__(self, control: socket.socket, entry: str, rehearsal: str) -> None:
        self._control = control
        self._entry = entry
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._spares = Spares(entry, rehearsal)

    def serve(self) -> None:
        """Returns when the host is gone. Children are not waited for: their leashes tell them the same."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        sources = (self._control, self._wake_read, self._spares.rehearsal)
        for source in sources:
            if source != -1:
                selector.register(source, selectors.EVENT_READ)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while True:
                ready = {key.fileobj for key, _ in selector.select(self._spares.seconds_until_due())}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if self._spares.rehearsal in ready:
                    self._learn(selector)
                if self._control in ready and not self._receive():
                    return
                if not ready:
                    self._spares.make()

    def _learn(self, selector: selectors.BaseSelector) -> None:
        source = self._spares.rehearsal
        self._spares.learn()
        if self._spares.rehearsal != source:
            selector.unregister(source)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if not self._spares.ended(pid):
                send(self._control, {"exit": pid, "status": os.waitstatus_to_exitcode(status)})

    def _receive(self) -> bool:
        """Makes one function; False when the host is gone."""
        data, fds, _, _ = socket.recv_fds(self._control, LARGEST, FDS)
        if data:
            self._spawn(data, fds)
        return bool(data)

    def _spawn(self, data: bytes, fds: list[int]) -> None:
        request = json.loads(data)
        try:
            pid = self._spares.take(data, fds) or self._fork(request, fds)
        except OSError as error:
            send(self._control, {"id": request["id"], "error": str(error)})
        else:
            send(self._control, {"id": request["id"], "pid": pid})

    def _fork(self, request: dict[str, Any], fds: list[int]) -> int:
        try:
            pid = os.fork()
            if pid == 0:
                child.run_to_the_end(partial(_become, request, self._entry, fds))
        finally:
            for fd in fds:
                os.close(fd)
        return pid


def _become(request: dict[str, Any], entry: str, fds: list[int]) -> None:
    child.leave_the_zygote(*fds)
    child.be_the_function(request, entry, fds)


def main() -> None:
    """Arguments as in the module's text; ends with status 3 when the image cannot be forked from."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(prog="host.zygote")
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--entry", required=True)
    parser.add_argument("--preload", default="")
    parser.add_argument("--rehearse", default="")
    arguments = parser.parse_args()
    control = socket.socket(fileno=arguments.control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the host, which stops us in order
    try:
        preload([module for module in arguments.preload.split(",") if module])
    except (ImportError, RuntimeError) as error:
        print(f"zygote: {error}", file=sys.stderr)
        raise SystemExit(3) from error
    send(control, {"ready": True, "pid": os.getpid(), "seconds": round(time.monotonic() - started, 3)})
    zygote = Zygote(control, arguments.entry, arguments.rehearse)
    zygote.serve()


if __name__ == "__main__":
    main()
