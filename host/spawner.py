"""The host's side of a zygote: starts it, asks it for processes, hears of their ends, replaces it when it
dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host.logs import LogPipe
from host.policy import backoff
from host.settings import Context, Image, open_environment
from host.spare import LARGEST

if TYPE_CHECKING:
    from host.process import Process

ROOT = Path(__file__).resolve().parent.parent
LONG_ENOUGH = 10.0  # seconds; a zygote that was ready this long did not crash because it started


class Spawner:
    """One image's zygote.

    Hand-offs, all on the loop's thread:

        pool --spawn(process)--> spawner --message + 3 fds--> zygote --fork--> function
        pool <--process.has_pid / process.failed / process.exited-- spawner <--message-- zygote

    1. While no zygote is ready, `spawn` says False; `on_ready` tells the pools when it is worth asking again.
    2. A zygote that ends is replaced, after a pause that doubles with each end that came soon after its
       start.
    3. The processes of a dead zygote live on; that they end is then known from their leashes alone.
    """

    def __init__(self, context: Context, image: Image, on_ready: Callable[[], None]) -> None:
        self.image = image
        self.pid = 0
        self.ready = asyncio.Event()
        self.first: asyncio.Future[bool] = context.loop.create_future()  # was it ready before it ended?
        self._context = context
        self._on_ready = on_ready
        self._control: socket.socket | None = None
        self._asked: dict[int, Process] = {}
        self._living: dict[int, Process] = {}
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to keep one zygote alive; `ready` says when it first is."""
        if self._task is None:
            self._task = self._context.loop.create_task(self._keep_alive(), name=f"zygote {self.image.name}")

    async def stop(self) -> None:
        """Closes the control socket: the zygote ends, its children do by their leashes."""
        task, self._task = self._task, None
        if task is None:
            return
        self._hang_up()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def spawn(self, process: Process) -> bool:
        """Asks for a process; it hears `has_pid`, or `failed`, later. False when there is nobody to ask
        now.
        """
        if self._control is None or not self.ready.is_set():
            return False
        self._number += 1
        message = {"id": self._number, **process.request()}
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], process.descriptors())
        except OSError:  # its buffer is full, or it just died: both mean "not now"
            return False
        self._asked[self._number] = process
        return True

    async def _keep_alive(self) -> None:
        ends = 0
        while True:
            started = time.monotonic()
            status = await self._run_one()
            was_ready = self.ready.is_set()
            self._hang_up()
            self._know_first(False)
            ends = 1 if was_ready and time.monotonic() - started > LONG_ENOUGH else ends + 1
            pause = backoff(ends, random.random())  # spreads a pause, hides nothing
            self._context.on_event("zygote_died", image=self.image.name, status=status, retry_in=pause)
            await asyncio.sleep(pause)

    async def _run_one(self) -> int:
        """One zygote from its start to its end; its exit status."""
        context = self._context
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = LogPipe(context.loop, f"zygote-{self.image.name}", context.on_log)
        with theirs:
            zygote = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "host.zygote", "--control", str(theirs.fileno())),
                *("--entry", context.settings.entry, "--preload", ",".join(self.image.preload)),
                *("--rehearse", self.image.rehearsal),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log.write_end,
                stderr=log.write_end,
                pass_fds=[theirs.fileno()],
                env=self._environment(),
                start_new_session=True,
            )
        self.pid = log.pid = zygote.pid
        log.close_write_end()
        ours.setblocking(False)
        self._control = ours
        context.loop.add_reader(ours, self._readable)
        try:
            return await zygote.wait()
        finally:
            if zygote.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    zygote.send_signal(signal.SIGTERM)
                await zygote.wait()
            log.close()

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return {**open_environment(), "PYTHONPATH": path, **self.image.environment}

    def _readable(self) -> None:
        control = self._control
        while control is not None and control is self._control:
            try:
                data = control.recv(LARGEST)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self._context.loop.remove_reader(control)
                return
            self._hear(json.loads(data))

    def _hear(self, message: dict[str, Any]) -> None:
        if "exit" in message:
            process = self._living.pop(message["exit"], None)
            if process is not None:
                process.exited(message["status"])
        elif "ready" in message:
            self.ready.set()
            self._know_first(True)
            self._context.on_event("zygote_ready", image=self.image.name, pid=self.pid, seconds=message["seconds"])
            self._on_ready()
        elif "pid" in message:
            process = self._asked.pop(message["id"])
            self._living[message["pid"]] = process
            process.has_pid(message["pid"])
        else:
            self._asked.pop(message["id"]).failed(message["error"])

    def _know_first(self, ready: bool) -> None:
        if not self.first.done():
            self.first.set_result(ready)

    def _hang_up(self) -> None:
        """Forgets the zygote: what was asked of it did not happen, what it started is on its own."""
        self.ready.clear()
        control, self._control = self._control, None
        if control is not None:
            self._context.loop.remove_reader(control)
            control.close()
        asked, self._asked = self._asked, {}
        living, self._living = self._living, {}
        for process in asked.values():
            process.failed("the zygote died", reason="zygote_died")
        for process in living.values():
            process.orphaned()
