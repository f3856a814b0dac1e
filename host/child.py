"""What a fork of the zygote does to become a process of its own, and then a function. Standard library only."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import random
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

#: New objects after which circles of them are looked for (Python: 700).
_YOUNG = 10_000

Entry = Callable[[str, socket.socket, Callable[[], None], int], None]


def run_to_the_end(work: Callable[[], None]) -> NoReturn:
    """The child's whole life: nothing of the zygote's stack may run twice. Ends with the work's exit status."""
    status = 1
    try:
        work()
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


def leave_the_zygote(*keep: int) -> None:
    """Signals, input and file descriptors as a process of its own has them; of those above 2 it has `keep`."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    below = 3
    for fd in sorted(keep):
        os.closerange(below, fd)
        below = fd + 1
    os.closerange(below, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def name_process(name: str) -> None:
    """Lets `ps` and `top` show it; the kernel keeps 15 characters."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as comm:
        comm.write(name[:15])


def be_the_function(request: dict[str, Any], entry: str, fds: list[int]) -> None:
    """Serve one function on the three descriptors of its request, until it is asked to end."""
    listener, log, leash = fds
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    _begin_anew()
    os.environ.update(request["environment"])
    name_process(request["function"])
    _limit_memory(request["memory"], request["threads"])
    module, _, name = entry.partition(":")
    run: Entry = getattr(importlib.import_module(module), name)
    run(request["function"], socket.socket(fileno=listener), lambda: _say_ready(leash), leash)


def _begin_anew() -> None:
    """Random numbers that no other fork has, and a collector that collects, more seldom than Python's own habit: a call
    makes thousands of objects, and next to none in circles."""
    random.seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    gc.set_threshold(_YOUNG)
    gc.enable()


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
