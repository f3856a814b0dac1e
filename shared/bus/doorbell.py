"""Bells, so that whoever consumes sleeps until something comes.

`Doorbell` hangs beside the embedded bus's file: a publisher pokes a unix datagram socket after its commit. A poke that
is lost (nobody listens, the socket's buffer is full) is only a delay, for the consumer looks now and then by itself; so
poking never blocks or fails. `InnerBell` is rung by a thread of the consumer's own process, which hears from a broker.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Protocol

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


class Bell(Protocol):
    """Give `fileno()` to `add_reader`, and `silence()` it before looking for what came."""

    def fileno(self) -> int:
        """The descriptor that becomes readable when somebody rang."""
        ...

    def silence(self) -> bool:
        """Take all rings out; says whether there was one."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class InnerBell:
    """A bell within one process; `ring` may be called from any thread, also after `close`."""

    def __init__(self) -> None:
        self._listening, self._rope = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listening.setblocking(False)
        self._rope.setblocking(False)

    def fileno(self) -> int:
        """See `Bell.fileno`."""
        return self._listening.fileno()

    def ring(self) -> None:
        """Wake whoever listens."""
        with contextlib.suppress(OSError):  # it is full of rings already, or closed
            self._rope.send(b"!")

    def silence(self) -> bool:
        """See `Bell.silence`."""
        return _silence(self._listening)

    def close(self) -> None:
        """See `Bell.close`."""
        self._listening.close()
        self._rope.close()


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
        return _silence(self._socket)

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


def _silence(listening: socket.socket) -> bool:
    rang = False
    with contextlib.suppress(BlockingIOError):
        while listening.recv(16):
            rang = True
    return rang
