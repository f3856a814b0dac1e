"""Processes that must not outlive the one that started them, however it ends."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent() -> None:
    """To be called in a new process before it becomes its program: the kernel kills it when its parent dies, and
    Ctrl-C, which reaches the whole group, leaves it to its parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
