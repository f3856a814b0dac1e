"""The folder of one running host's sockets: private, short (a socket's path has 107 bytes), gone with the host.

A host that was killed cannot remove its own. So a running one holds a lock on its folder, and the next that starts
removes those that nobody holds; the kernel lets go of the lock when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "bizosaas-host-"
YOUNG = 60.0  # seconds; a folder may be made and not yet locked


class Folder:
    """Made and locked; `remove` ends both. OSError when there is no room for it."""

    def __init__(self, within: Path | None = None) -> None:
        """`within` is the folder to make it in, the system's temporary one unless given."""
        parent = within or Path(tempfile.gettempdir())
        _sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Removes it with what is in it; may be called twice."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _sweep(parent: Path) -> None:
    """Removes what dead hosts of this user left."""
    for found in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another host was faster, or it is not ours, or it is in use
            about = found.lstat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > YOUNG:
                _remove_unheld(found)


def _remove_unheld(path: Path) -> None:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)
