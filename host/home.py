"""The home folder of one platform: who runs in it, and where its short-lived sockets are."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from shared.errors import Conflict, Invalid


class Home:
    """A folder that one host at a time owns. The lock ends with the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Make the folder (mode 0700) and take it. Raises `Conflict` naming the process that has it, `Invalid` for what
        is no folder."""
        if folder.exists() and not folder.is_dir():
            raise Invalid.field("--home", f"must be a folder; {folder} is none")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._lock, 20).decode().strip() or "unknown"
            os.close(self._lock)
            raise Conflict(f"the process {owner} runs in {folder} already; stop it, or give another --home") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let the folder go."""
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
