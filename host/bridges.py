"""The bridge processes of a host: started when it answers, started again when they die, ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from host.ending import end_with_parent
from host.logs import LogPipe
from host.settings import open_environment

#: The first wait before a dead bridge is started again, twice as long with each death in a row, and the longest;
#: seconds. One that lived for longer than the longest wait begins a new row.
FIRST, LONGEST = 0.2, 10.0

#: Hears a line: the number of the bridge from 1, its pid, the line.
OnLine = Callable[[int, int, Any], None]


class Bridges:
    """Keeps `count` of them alive while it runs."""

    def __init__(self, count: int, arguments: Sequence[str], on_line: OnLine, on_event: Callable[..., None]) -> None:
        """`arguments` are those of `python -m host.bridging`; `on_event(kind, **fields)` hears bridge_died."""
        self._count = count
        self._command = [sys.executable, "-m", "host.bridging", *arguments]
        self._on_line = on_line
        self._on_event = on_event
        self._keepers: list[asyncio.Task[None]] = []
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin; call inside the running loop."""
        self._keepers = [asyncio.create_task(self._keep(number + 1)) for number in range(self._count)]

    async def stop(self, grace: float) -> None:
        """Ask them to finish what is under way, and kill those that have not after `grace` seconds."""
        self._stopping.set()
        self._tell(asyncio.subprocess.Process.terminate)
        if self._keepers:
            _, late = await asyncio.wait(self._keepers, timeout=grace)
            self._tell(asyncio.subprocess.Process.kill)
            await asyncio.gather(*late)

    def _tell(self, end: Callable[[asyncio.subprocess.Process], None]) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                end(process)

    async def _keep(self, number: int) -> None:
        wait = FIRST
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            code = await self._run(number)
            if self._stopping.is_set():
                return
            wait = FIRST if asyncio.get_running_loop().time() - began > LONGEST else min(LONGEST, wait * 2)
            self._on_event("bridge_died", bridge=number, code=code, again_in=wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)

    async def _run(self, number: int) -> int:
        """One life; its exit code, negative for a signal."""
        pipe = LogPipe(asyncio.get_running_loop(), "", lambda _name, pid, line: self._on_line(number, pid, line))
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=subprocess.DEVNULL,
                stdout=pipe.write_end,
                stderr=pipe.write_end,
                env=open_environment(),
                preexec_fn=end_with_parent,
            )
            pipe.pid = process.pid
            pipe.close_write_end()
            self._processes[number] = process
            if self._stopping.is_set():  # told while it was being started
                process.terminate()
            return await process.wait()
        finally:
            self._processes.pop(number, None)
            pipe.close()
