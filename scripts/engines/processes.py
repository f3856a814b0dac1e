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
    pid = os.posix_spawn(program, dropped, whole, file_actions=files, setsid=True)
    return Process(pid, psutil.Process(pid).create_time())


def as_user(command: Sequence[str], user: str | None) -> list[str]:
    """The command, run as this user and with no group but theirs; as we are when `user` is None."""
    if user is None:
        return list(command)
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


def find(process: Process) -> psutil.Process | None:
    """The running process; None when it has ended, be it not yet buried, or when the id is another's now."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)  # bury it, if it was ours and has ended
    try:
        found = psutil.Process(process.pid)
        if abs(found.create_time() - process.started) > SAME_START_SECONDS:
            return None
        return None if found.status() == psutil.STATUS_ZOMBIE else found
    except psutil.NoSuchProcess:
        return None


def tree(process: Process) -> list[psutil.Process]:
    """The process and all that it has started, as far as they run."""
    found = find(process)
    if found is None:
        return []
    with contextlib.suppress(psutil.NoSuchProcess):
        return [found, *found.children(recursive=True)]
    return []


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each that still runs."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def end(process: Process, number: signal.Signals, seconds: float) -> bool:
    """Ask it to end and wait; after `seconds` kill it and all of its own. Returns whether it went by itself."""
    members = tree(process)
    send(members[:1], signal.SIGCONT)
    send(members[:1], number)
    by_itself = wait(members, seconds)
    if not by_itself:
        send(members, signal.SIGKILL)
        wait(members, seconds)
    return by_itself


def wait(processes: Iterable[psutil.Process], seconds: float) -> bool:
    """Wait until all have ended; whether they have."""
    until = time.monotonic() + seconds
    waited = [Process(process.pid, process.create_time()) for process in processes if process.is_running()]
    while any(find(process) for process in waited):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def memory(process: Process) -> int:
    """The bytes that it and its own hold, shared pages counted by their part where the system tells it."""
    total = 0
    for member in tree(process):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            held = member.memory_full_info()
            total += getattr(held, "pss", held.rss)
    return total
