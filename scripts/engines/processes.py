"""Starting a process that outlives us, and speaking to it later by the id that was noted."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types

from scripts.engines.instance import Process

#: The start of a process is counted from the boot of the machine, whose moment moves a little with the clock.
SAME_START_SECONDS = 2.0

#: How long a killed process may take to go: what it was doing in the kernel ends first.
KILLED_SECONDS = 20.0

#: What we or our shell may ignore, and a child would go on ignoring.
INHERITED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)


def spawn(command: Sequence[str], environ: Mapping[str, str], log: Path, user: str | None = None) -> Process:
    """Start `command` in a session of its own, its output added to `log`; as `user` when that is given (needs root).

    Its environment is `environ` over the search path and nothing else. Raises `OSError` when it cannot be started.
    """
    dropped = as_user(command, user)
    program = shutil.which(dropped[0]) or dropped[0]
    whole = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **environ}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawn(program, dropped, whole, file_actions=files, setsid=True, setsigmask=(), setsigdef=INHERITED)
    return Process(pid, psutil.Process(pid).create_time())


def as_user(command: Sequence[str], user: str | None) -> list[str]:
    """The command, run as this user and with no group but theirs; as we are when `user` is None."""
    if user is None:
        return list(command)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


def find(process: Process | None) -> psutil.Process | None:
    """The running process; None when it has ended, be it not yet buried, or when the id is another's now."""
    if process is None:
        return None
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)  # bury it, if it was ours and has ended
    try:
        found = psutil.Process(process.pid)
        if abs(found.create_time() - process.started) > SAME_START_SECONDS:
            return None
        # A killed process whose other threads are not gone yet holds its ports still.
        ended = found.status() == psutil.STATUS_ZOMBIE and found.num_threads() <= 1
        return None if ended else found
    except psutil.NoSuchProcess:
        return None


def tree(process: Process | None) -> list[Process]:
    """The process and all that it has started, as far as they run; the process itself first."""
    found = find(process)
    if process is None or found is None:
        return []
    members = [process]
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in found.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                members.append(Process(child.pid, child.create_time()))
    return members


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to each that still runs."""
    for process in processes:
        found = find(process)
        if found is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                found.send_signal(number)


def end(process: Process, number: signal.Signals, seconds: float) -> None:
    """Ask it to end, and wait until it and all of its own have; after `seconds` kill them."""
    members = tree(process)
    send(members, signal.SIGCONT)
    send(members[:1], number)
    if not gone(members, seconds):
        kill(process)
        send(members, signal.SIGKILL)
        gone(members, seconds)


def kill(process: Process | None) -> None:
    """`kill -9` of it and of all of its own; returns when they are gone."""
    send(tree(process)[:1], signal.SIGSTOP)  # so that it starts no other while we count
    members = tree(process)
    send(members, signal.SIGKILL)
    gone(members, KILLED_SECONDS)


def gone(processes: Iterable[Process], seconds: float) -> bool:
    """Wait until all have ended; whether they have."""
    until = time.monotonic() + seconds
    while any(find(process) for process in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def memory(process: Process | None) -> int:
    """The bytes that it and its own hold, shared pages counted by their part where the system tells it."""
    total = 0
    for member in tree(process):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            held = psutil.Process(member.pid).memory_full_info()
            total += getattr(held, "pss", held.rss)
    return total
