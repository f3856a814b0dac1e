"""What an engine is: the names that each module of the table in `scripts/engines/table.py` has."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scripts.engines.instance import Instance, Process

LOGIN = "bizosaas"


class StartFailed(Exception):
    """Raised when an engine cannot be started; the text is one sentence and the cure."""


@dataclass(frozen=True)
class Missing:
    """Something that an engine needs and the machine does not have: what it is, and Debian's packages of it."""

    what: str
    packages: tuple[str, ...]


class Engine(Protocol):
    """One engine. All functions but `missing` are called with the engine's lock held."""

    #: What each of its ports is for; `client` is the one for users.
    PORTS: tuple[str, ...]
    #: Debian's user that it runs as when we are root; None: as who we are.
    USER: str | None
    #: The signal that ends it in order, and how long that may take.
    STOP: signal.Signals
    STOP_SECONDS: float
    READY_SECONDS: float

    def missing(self) -> list[Missing]:
        """What must be installed before it can start."""

    def prepare(self, instance: Instance) -> None:
        """Make the folders, the configuration and the first data; again before each start."""

    def launch(self, instance: Instance) -> tuple[Process, ...]:
        """Start it; its processes in the order of their start, itself last."""

    def ready(self, instance: Instance) -> bool:
        """Whether it answers in its own protocol now. Never raises, and takes a few seconds at most."""

    def furnish(self, instance: Instance) -> None:
        """What must exist in it before the platform uses it; the engine is ready, and may have it already."""

    def url(self, instance: Instance) -> str:
        """Its address for a client, with the password."""

    def environment(self, instance: Instance) -> dict[str, str]:
        """The settings with which the platform uses it."""


def run_as(user: str | None) -> str | None:
    """The user to drop to: only root can, and only root must."""
    return user if os.geteuid() == 0 else None


def last_words(instance: Instance, lines: int = 5) -> str:
    """The end of its log."""
    try:
        text = instance.log.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
