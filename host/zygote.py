"""The zygote: a process that has imported an image's libraries and does nothing but fork functions from
itself.

    python -m host.zygote --control FD --entry shared.runtime.entry:run --preload fastapi,uvicorn,...

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
import ctypes
import gc
import importlib
import json
import os
import random
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Entry = Callable[[str, socket.socket, Callable[[], None], int], None]

FDS = 3
HUGE = 2 << 20
MADV_COLLAPSE = 25  # linux/mman.h
LARGEST = 1 << 18  # bytes of one message; the kernel's default socket buffer takes less


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
    use_huge_pages()


def use_huge_pages() -> int:
    """Gathers the memory to be shared into huge pages, for a fork copies the page tables; says how many it made.

    The image with CrewAI has 256 MB: 65,000 entries to copy, 9 ms, and 2.4 ms once gathered. A child that writes
    still gets a copy of 4 KiB only. A kernel without MADV_COLLAPSE (before Linux 6.1) declines, and all is as it was.
    """
    madvise = ctypes.CDLL(None).madvise
    with open("/proc/self/maps") as lines:
        fields = [line.split() for line in lines]
    private = [one[0].split("-") for one in fields if one[1] == "rw-p" and (one[5:] or [""])[0] in ("", "[heap]")]
    places = [
        at for start, end in private for at in range(-(-int(start, 16) // HUGE) * HUGE, int(end, 16) - HUGE + 1, HUGE)
    ]
    return sum(madvise(ctypes.c_void_p(at), ctypes.c_size_t(HUGE), MADV_COLLAPSE) == 0 for at in places)


class Zygote:
    """Forks on request, reaps, and reports both, until the host closes the control socket."""

    def __init__(self, control: socket.socket, entry: str) -> None:
        self._control = control
        self._entry = entry
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)

    def serve(self) -> None:
        """Returns when the host is gone. Children are not waited for: their leashes tell them the same."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(self._wake_read, selectors.EVENT_READ)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if self._control in ready and not self._receive():
                    return

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            send(self._control, {"exit": pid, "status": os.waitstatus_to_exitcode(status)})

    def _receive(self) -> bool:
        """Forks for one request; False when the host is gone."""
        data, fds, _, _ = socket.recv_fds(self._control, LARGEST, FDS)
        if data:
            self._spawn(json.loads(data), fds)
        return bool(data)

    def _spawn(self, request: dict[str, Any], fds: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            send(self._control, {"id": request["id"], "error": str(error)})
        else:
            if pid == 0:
                become_function(request, self._entry, fds)
            send(self._control, {"id": request["id"], "pid": pid})
        for fd in fds:
            os.close(fd)


def become_function(request: dict[str, Any], entry: str, fds: list[int]) -> None:
    """The child's whole life. Never returns: nothing of the zygote's stack may run twice."""
    status = 1
    try:
        listener, log, leash = fds
        _forget_the_zygote(log, keep=(listener, leash))
        os.environ.update(request["environment"])
        _name_process(request["function"])
        _limit_memory(request["memory"], request["threads"])
        module, _, name = entry.partition(":")
        run: Entry = getattr(importlib.import_module(module), name)
        run(request["function"], socket.socket(fileno=listener), lambda: _say_ready(leash), leash)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001  # the last frame of the process: whatever came is printed and ends it
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _forget_the_zygote(log: int, keep: tuple[int, int]) -> None:
    """Signals, random numbers, collector and file descriptors as a process of its own has them."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    first, second = sorted(keep)
    os.closerange(3, first)
    os.closerange(first + 1, second)
    os.closerange(second + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    random.seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    gc.enable()


def _name_process(function: str) -> None:
    """Lets `ps` and `top` show the function; the kernel keeps 15 characters."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as comm:
        comm.write(function[:15])


def _limit_memory(limit: int | None, threads: int) -> None:
    """Lets the function allocate `limit` bytes beyond what the image has; beyond that it gets MemoryError.

    RLIMIT_DATA counts private writable mappings (Linux 4.7 and later, setrlimit(2)): at once and exact,
    without anybody watching. It counts a thread's whole stack too, so as many of those are allowed for as
    calls may run.
    """
    if limit is None:
        return
    with open("/proc/self/status") as status:
        now = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:"))
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    stack = (8 << 20) if stack == resource.RLIM_INFINITY else stack
    whole = now + limit + threads * stack
    resource.setrlimit(resource.RLIMIT_DATA, (whole, whole))


def _say_ready(leash: int) -> None:
    with contextlib.suppress(OSError):
        os.write(leash, b"%d" % os.getpid())


def main() -> None:
    """Arguments as in the module's text; ends with status 3 when the image cannot be forked from."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(prog="host.zygote")
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--entry", required=True)
    parser.add_argument("--preload", default="")
    arguments = parser.parse_args()
    control = socket.socket(fileno=arguments.control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the host, which stops us in order
    try:
        preload([module for module in arguments.preload.split(",") if module])
    except (ImportError, RuntimeError) as error:
        print(f"zygote: {error}", file=sys.stderr)
        raise SystemExit(3) from error
    zygote = Zygote(control, arguments.entry)
    send(control, {"ready": True, "pid": os.getpid(), "seconds": round(time.monotonic() - started, 3)})
    zygote.serve()


if __name__ == "__main__":
    main()
