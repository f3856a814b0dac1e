"""The process that waits to become the next function, with the memory of one that has worked.

A zygote keeps one. Forking it and touching its pages (pages.py) is done while nobody waits; when a function is asked
for, the spare takes the request, and the next spare is made once the zygote has been quiet for a moment. Which pages
work touches is learnt by a rehearsal: once, in a process of its own that ends with it. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import sys
import time
from functools import partial

from host import child
from host.pages import Touched, private_mappings, touch, touched

FDS = 3  # descriptors of a request: the listening socket, the log, the leash
LARGEST = 1 << 18  # bytes of one message; the kernel's default socket buffer takes less
QUIET_SECONDS = 0.02  # between the last that happened and a new spare: the function that woke goes first
PAUSE_SECONDS = 1.0  # after a spare that ended by itself
REHEARSAL_SECONDS = 20
_PR_SET_PDEATHSIG = 1


class Spares:
    """At most one process that waits. All calls come from the zygote's one thread."""

    def __init__(self, entry: str, rehearsal: str) -> None:
        """`rehearsal` names what to learn from ("module:function"); "" learns nothing."""
        self._entry = entry
        self._pages = Touched([], [])
        self._ours: set[int] = set()  # processes that are no functions yet, or never
        self._pid = 0
        self._way: socket.socket | None = None
        self._not_before = 0.0
        self._learnt = b""
        self.rehearsal = self._rehearse(rehearsal) if rehearsal else -1  # to be read when it is readable; -1: over

    def seconds_until_due(self) -> float | None:
        """After how many quiet seconds `make` is due; None when it is not."""
        if self._way is not None or self.rehearsal >= 0:
            return None
        return max(QUIET_SECONDS, self._not_before - time.monotonic())

    def make(self) -> None:
        """Fork a spare. When that fails, or the spare ends by itself, the next is made later."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._not_before = time.monotonic() + PAUSE_SECONDS
        try:
            pid = os.fork()
        except OSError:  # no memory or no process to be had now
            ours.close()
        else:
            if pid == 0:
                child.run_to_the_end(partial(_wait, theirs, self._entry, self._pages))
            self._ours.add(pid)
            self._pid, self._way = pid, ours
        theirs.close()

    def take(self, request: bytes, fds: list[int]) -> int:
        """Let the spare become the function of this request: its process id, or 0 when there is none.

        When there is, the descriptors are closed here, and only then does the spare begin: the end of its leash must
        be its own end.
        """
        way, self._way = self._way, None
        if way is None:
            return 0
        with way:
            try:
                socket.send_fds(way, [request], fds)
            except OSError:  # it is dead, which its parent is about to hear
                return 0
            for fd in fds:
                os.close(fd)
        self._not_before = 0.0
        self._ours.discard(self._pid)
        return self._pid

    def ended(self, pid: int) -> bool:
        """Whether the process that ended was the spare, or the rehearsal: none of the host's business."""
        if pid not in self._ours:
            return False
        self._ours.discard(pid)
        if pid == self._pid and self._way is not None:
            self._way.close()
            self._way = None
        return True

    def _rehearse(self, rehearsal: str) -> int:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            child.run_to_the_end(partial(_rehearse, rehearsal, writing))
        os.close(writing)
        self._ours.add(pid)
        return reading

    def learn(self) -> None:
        """Read what the rehearsal says; at its end the pages are known, or nothing is when it failed."""
        data = os.read(self.rehearsal, 1 << 16)
        self._learnt += data
        if data:
            return
        os.close(self.rehearsal)
        self.rehearsal = -1
        with contextlib.suppress(ValueError):  # it failed, or was killed in the middle: every page is found by itself
            self._pages = Touched.decode(self._learnt)
        self._learnt = b""


def _wait(way: socket.socket, entry: str, pages: Touched) -> None:
    """The spare: touches its memory, waits for a request, becomes that function. Ends with the zygote."""
    child.leave_the_zygote(way.fileno())
    child.name_process("spare")
    touch(pages)
    data, fds, _, _ = socket.recv_fds(way, LARGEST, FDS)
    way.recv(1)  # its end: nobody else has the descriptors any more
    way.close()
    if data:
        child.be_the_function(json.loads(data), entry, fds)


def _rehearse(rehearsal: str, answer: int) -> None:
    """The rehearsal: works, and says which of the zygote's pages that touched."""
    child.leave_the_zygote(answer)
    child.name_process("rehearsal")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which lets it clear up
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.alarm(REHEARSAL_SECONDS)
    mappings = private_mappings()
    module, _, name = rehearsal.partition(":")
    getattr(importlib.import_module(module), name)()
    data = touched(mappings).encode()
    with contextlib.suppress(BrokenPipeError), open(answer, "wb") as pipe:
        pipe.write(data)
