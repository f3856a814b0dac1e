"""What the zygote's tests let it rehearse."""

from __future__ import annotations

import os
import signal
import threading

SIZE = 8 << 20
held = bytearray(os.urandom(4096) * (SIZE // 4096))


def write() -> None:
    """Touches every page of what the zygote holds."""
    for at in range(0, SIZE, 4096):
        held[at] ^= 1


def fail() -> None:
    """Raises."""
    raise RuntimeError("no luck at the rehearsal")


def die() -> None:
    """Ends as a crash ends it."""
    os.kill(os.getpid(), signal.SIGKILL)


def last() -> None:
    """Never ends by itself."""
    threading.Event().wait()
