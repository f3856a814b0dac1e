"""A process that imports CrewAI and nothing else, and forks children that each do a role's work twice.

`python -m tests.shared.agents.zygote_probe BASE_URL CHILDREN` prints one JSON object: what the import cost and left
behind, and for each child its times (seconds), its private memory (MB) and the addresses it connected to.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from shared.agents import crew
from tests.shared.agents.sample import ROLE, case, settings


def private_mb() -> float:
    """Memory that this process shares with nobody; Linux only, else 0."""
    rollup = Path("/proc/self/smaps_rollup")
    if not rollup.exists():
        return 0.0
    lines = (line.split() for line in rollup.read_text().splitlines())
    return sum(int(line[1]) for line in lines if line[0] in ("Private_Clean:", "Private_Dirty:")) / 1024


def child(base_url: str) -> dict[str, Any]:
    """Two runs, as a forked function does them."""
    connected: set[str] = set()
    sys.addaudithook(lambda name, args: connected.add(str(args[1])) if name == "socket.connect" else None)
    from shared.agents.engine import Engine

    idle = private_mb()
    engine = Engine(settings(Path("/nonexistent"), base_url))
    runs = []
    for _ in range(2):
        wall, cpu = time.perf_counter(), time.process_time()
        result = engine.run(ROLE, case())
        runs.append({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "reason": result.reason})
    return {"runs": runs, "idle_mb": idle, "worked_mb": private_mb(), "connected": sorted(connected)}


def fork(base_url: str) -> dict[str, Any]:
    """One child and its report."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with os.fdopen(writer, "w") as out:
                json.dump(child(base_url), out)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as report:
        told = json.load(report)
    os.waitpid(pid, 0)
    return dict(told)


def main() -> None:
    """Import, fork, report."""
    wall, cpu = time.perf_counter(), time.process_time()
    crew.preload()
    gc.collect()
    gc.freeze()
    parent = {
        "import_wall": time.perf_counter() - wall,
        "import_cpu": time.process_time() - cpu,
        "threads": threading.active_count(),
        "os_threads": len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1,
        "mb": private_mb(),
    }
    children = [fork(sys.argv[1]) for _ in range(int(sys.argv[2]))]
    print(json.dumps({"parent": parent, "children": children}))


if __name__ == "__main__":
    main()
