"""A doorbell beside the bus file, so that whoever consumes sleeps until somebody publishes.

A publisher pokes a unix datagram socket after its commit. A poke that is lost (nobody listens, the socket's
buffer is full) is only a delay, for the consumer looks now and then by itself; so poking never blocks or fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
from pathlib import Path
from types import TracebackType

_LONGEST_ADDRESS = 103  # bytes of a unix socket's path on macOS; Linux takes 107


def bell_path(file: Path) -> Path:
    """`<file>.bell`; where that is too long for a socket, a name derived from it in the temporary folder."""
    beside = file.absolute().with_name(file.name + ".bell")
    if len(os.fsencode(beside)) <= _LONGEST_ADDRESS:
        return beside
    digest = hashlib.sha256(os.fsencode(beside)).hexdigest()[:32]
    return Path(tempfile.gettempdir()) / f"bus-{digest}.bell"


def poke(bell: Path) -> None:
    """Ring at that path if somebody listens."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(b"!", os.fspath(bell))


class Doorbell:
    """The listening end: give `fileno()` to `add_reader`, and `silence()` before looking for messages.

    There is one listener per file; a new one takes over from the last. OSError if it cannot listen.
    """

    def __init__(self, file: Path) -> None:
        self.path = bell_path(file)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(os.fspath(self.path))
            self.path.chmod(0o600)
            self._inode = self.path.stat().st_ino
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor that becomes readable when somebody rang."""
        return self._socket.fileno()

    def silence(self) -> bool:
        """Take all pokes out; says whether there was one."""
        rang = False
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(16):
                rang = True
        return rang

    def close(self) -> None:
        """Stop listening; the path is removed unless another listener took it over."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        self._socket.close()

    def __enter__(self) -> Doorbell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
