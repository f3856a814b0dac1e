"""What the kernel tells: the machine, a process's CPU time and memory, and who descends from whom (Linux)."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

PROC = Path("/proc")


def describe() -> dict[str, Any]:
    """The machine as it is now: CPU, cores, load, kernel, Python, memory in MiB."""
    info = (PROC / "cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown")
    memory = next(
        line.split()[1] for line in (PROC / "meminfo").read_text().splitlines() if line.startswith("MemTotal")
    )
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(memory) // 1024,
        "load_at_start": os.getloadavg(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def cpu_seconds(pid: int) -> float:
    """What a process has spent on the CPU, user and system, all its threads (schedstat: nanoseconds, not ticks).

    A thread that has ended is no longer counted by its own file, so the process's total counts when it is larger.
    0.0 for a process that is gone.
    """
    total = 0
    with contextlib.suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return max(total / 1e9, _ticks(pid))


def _ticks(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def tree_cpu_seconds(pid: int) -> float:
    """What a process and all below it have spent, with those that have ended and were waited for by one of them."""
    return sum(cpu_seconds(one) + _ended_children(one) for one in descendants(pid))


def _ended_children(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def tree_memory_mib(pid: int) -> float:
    """The PSS of a process and of all below it, MiB."""
    total = 0.0
    for one in descendants(pid):
        with contextlib.suppress(OSError):  # it ended meanwhile
            total += memory_mib(one)
    return total


def descendants(pid: int) -> dict[int, str]:
    """The process and all that descend from it: id and name (the kernel keeps 15 characters)."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                head, _, rest = (entry / "stat").read_text().rpartition(")")
                parents[int(entry.name)] = (int(rest.split()[1]), head.partition("(")[2])
    found = {pid: parents.get(pid, (0, ""))[1]}
    while True:
        more = {one: name for one, (parent, name) in parents.items() if parent in found and one not in found}
        if not more:
            return found
        found |= more


def memory_mib(pid: int) -> float:
    """A process's proportional share of memory (PSS), MiB: pages that several processes map are divided among them."""
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"no PSS for {pid}")


def unix_listeners(pid: int) -> list[str]:
    """The paths of the unix sockets on which a process listens."""
    wanted = set()
    for fd in (PROC / str(pid) / "fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(fd)
            if target.startswith("socket:["):
                wanted.add(target[8:-1])
    rows = (line.split() for line in (PROC / "net" / "unix").read_text().splitlines()[1:])
    # a listening socket has the flag __SO_ACCEPTCON (0x10000)
    return [row[7] for row in rows if len(row) > 7 and row[6] in wanted and int(row[3], 16) & 0x10000]
