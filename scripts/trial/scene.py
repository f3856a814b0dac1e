"""What hurts can reach: the engines and the platform of one trial, the platform kept up as a supervisor would."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from random import Random

import psutil  # type: ignore[import-untyped]  # it has no types

from functions.catalogue import functions
from scripts.trial.engines import Engines
from scripts.trial.platform import Platform

#: The kernel keeps this much of a process's name.
_NAME = 15
_START_SECONDS = 180.0
_PAUSE_SECONDS = 1.0


@dataclass
class Scene:
    """One trial. `arguments` are those of `scripts/up`, `ended` the ends of the platform that nobody asked for,
    `starts_failed` its last words where it could not start."""

    engines: Engines
    platform: Platform
    arguments: tuple[str, ...] = ()
    ended: list[str] = field(default_factory=list)
    starts_failed: list[str] = field(default_factory=list)
    _down: bool = True
    _hands: threading.RLock = field(default_factory=threading.RLock)

    def start_host(self) -> None:
        """Start the platform, again and again while it cannot (its database may be gone now). Raises `RuntimeError`
        when it never can."""
        until = time.monotonic() + _START_SECONDS
        with self._hands:
            while True:
                try:
                    self.platform.start(*self.arguments, seconds=_START_SECONDS)
                    self._down = False
                    return
                except RuntimeError as error:
                    if time.monotonic() > until:
                        raise
                    self.starts_failed.append(str(error).strip().splitlines()[-1])
                time.sleep(_PAUSE_SECONDS)  # as a supervisor pauses between two starts

    def kill_host(self) -> None:
        """kill -9."""
        with self._hands:
            self._down = True
            self.platform.kill()

    def stop_host(self) -> None:
        """In order."""
        with self._hands:
            self._down = True
            self.platform.stop()

    def supervise(self) -> None:
        """Start the platform where it has ended by itself, which is noted."""
        if not self._hands.acquire(blocking=False):
            return  # it is being started
        try:
            if not self._down and not self.platform.running:  # else who has hurt it starts it again
                process = self.platform.process
                words = "".join(self.platform.errors[-3:]).strip()
                self.ended.append(f"the host ended with {process.returncode if process else '?'}: {words}")
                self.start_host()
        finally:
            self._hands.release()

    def functions(self) -> list[psutil.Process]:
        """The processes that are functions now."""
        names = {spec.name[:_NAME] for spec in functions()}
        return [process for process in self.platform.processes() if _name(process) in names]

    def zygotes(self) -> list[psutil.Process]:
        """The mothers of all functions."""
        return self._running("host.zygote")

    def bridges(self) -> list[psutil.Process]:
        """The bridges that have a process of their own."""
        return self._running("host.bridging")

    def _running(self, module: str) -> list[psutil.Process]:
        found = []
        for process in self.platform.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if module in process.cmdline() and _name(process).startswith("python"):  # its children have other names
                    found.append(process)
        return found

    def any_of(self, processes: list[psutil.Process], rng: Random) -> psutil.Process | None:
        """One of them."""
        return rng.choice(sorted(processes, key=lambda process: int(process.pid))) if processes else None


def _name(process: psutil.Process) -> str:
    try:
        with open(f"/proc/{process.pid}/comm") as comm:
            return comm.read().strip()
    except OSError:
        return ""
