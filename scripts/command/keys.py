"""Who is signed in where: tokens in one file of the user's own, read and written by nobody else."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from scripts.command.failure import DENIED, PROGRAM, Failure

FILE = "credentials.json"


@dataclass(frozen=True)
class Key:
    """The tokens of one session; `expires_at` (seconds since the epoch) is the access token's end."""

    access_token: str
    refresh_token: str
    expires_at: float
    email: str
    tenant: str
    role: str

    def __repr__(self) -> str:
        return f"Key(of {self.email} in {self.tenant})"


def folder() -> Path:
    """Where the file lies: the user's configuration folder (XDG Base Directory)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "bizosaas"


class Keys:
    """The file. Every change is made under a lock and put in place whole, so that two commands at once, or a crash,
    leave one good file; a refresh token works once, and who comes second must find the first one's."""

    def __init__(self, where: Path | None = None) -> None:
        """`where` is the folder; the user's own unless it is given."""
        self.folder = where or folder()
        self.path = self.folder / FILE

    def get(self, url: str) -> Key | None:
        """The key for a platform's address."""
        found = self._read()["servers"].get(url)
        return Key(**found) if found else None

    @property
    def current(self) -> str:
        """The address that was signed in to last, "" for none."""
        return str(self._read()["current"])

    def put(self, url: str, key: Key | None) -> None:
        """Keep a key (None: forget it). To be called inside `locked`."""
        whole = self._read()
        whole["servers"].pop(url, None)
        if key is not None:
            whole["servers"][url] = asdict(key)
            whole["current"] = url
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(whole, file)
        fresh.replace(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile."""
        with self._lock() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _lock(self) -> IO[str]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return open(self.folder / "lock", "w")
        except OSError as error:
            detail = f"{self.folder}: {error.strerror}"
            raise Failure(
                DENIED, "The keys cannot be kept", detail, "name a folder of yours by XDG_CONFIG_HOME"
            ) from None

    def _read(self) -> dict[str, Any]:
        try:
            mode = self.path.stat().st_mode
            text = self.path.read_text()
        except FileNotFoundError:
            return {"current": "", "servers": {}}
        except (OSError, UnicodeDecodeError):
            raise _unreadable(self.path) from None
        if stat.S_IMODE(mode) & 0o077:
            detail = f"others may read {self.path}, which holds tokens"
            raise Failure(DENIED, "The keys are open", detail, f"chmod 600 {self.path}; then {PROGRAM} login again")
        try:
            whole = json.loads(text)
            return {"current": str(whole["current"]), "servers": dict(whole["servers"])}
        except (ValueError, KeyError, TypeError):
            raise _unreadable(self.path) from None


def _unreadable(path: Path) -> Failure:
    return Failure(DENIED, "The keys cannot be read", str(path), f"remove it; then {PROGRAM} login again")
