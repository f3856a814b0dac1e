"""What is known of one engine's instance, and the state file that keeps it (0600: it holds the password)."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

#: All engines listen here and nowhere else.
ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Process:
    """A process by its id and the second it started in, which tells it from a later one with the same id."""

    pid: int
    started: float


@dataclass(frozen=True)
class Instance:
    """One engine: where its data is, its ports by their purpose (`client` is the one for users), its processes.

    The processes stand in the order of their start; the last is the engine itself.
    """

    name: str
    folder: Path
    ports: Mapping[str, int]
    password: str = field(repr=False)
    processes: tuple[Process, ...] = ()

    @property
    def port(self) -> int:
        """The port for users, on 127.0.0.1."""
        return self.ports["client"]

    @property
    def main(self) -> Process | None:
        """The engine's own process, as it was started last; None when it never was."""
        return self.processes[-1] if self.processes else None

    @property
    def address(self) -> str:
        """Where it listens: `host:port`, nothing secret."""
        return f"{ADDRESS}:{self.port}"

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / "log.txt"


def read(home: Path, name: str) -> Instance | None:
    """The instance that the state file tells of; None where there is none."""
    try:
        kept = json.loads((home / f"{name}.json").read_text())
    except FileNotFoundError:
        return None
    processes = tuple(Process(**process) for process in kept["processes"])
    return Instance(name, Path(kept["folder"]), kept["ports"], kept["password"], processes)


def write(home: Path, instance: Instance) -> None:
    """Replace the state file whole."""
    path = home / f"{instance.name}.json"
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({**asdict(instance), "folder": str(instance.folder)}, file, indent=1)
    draft.replace(path)


def cache() -> Path:
    """Where what is kept for all instances stands: `$BIZOSAAS_CACHE`, else a folder of the user's cache."""
    return Path(os.environ.get("BIZOSAAS_CACHE") or Path.home() / ".cache" / "bizosaas")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of this file: one at a time, between threads and between processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
