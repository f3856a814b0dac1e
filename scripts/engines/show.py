"""What a person sees of the engines: a line each while they start, and the table of their state."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no types
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.engines import processes
from scripts.engines.instance import read
from scripts.engines.table import ENGINES


@dataclass(frozen=True)
class State:
    """An engine now. `state` is up, suspended, not answering, down, or never started; the address is `host:port`.

    `memory_bytes` and `up_seconds` are of its processes, None when it has none.
    """

    name: str
    state: str
    address: str | None = None
    pid: int | None = None
    memory_bytes: int | None = None
    up_seconds: int | None = None


def state_of(name: str, place: Path) -> State:
    """Look at one engine; takes some seconds when it does not answer."""
    instance = read(place, name)
    if instance is None:
        return State(name, "never started")
    process = processes.find(instance.main)
    if process is None:
        return State(name, "down", instance.address)
    state = "up"
    if process.status() == psutil.STATUS_STOPPED:
        state = "suspended"
    elif not ENGINES[name].ready(instance):
        state = "not answering"
    seconds = int(time.time() - process.create_time())
    return State(name, state, instance.address, process.pid, processes.memory(instance.main), seconds)


def as_data(states: Iterable[State]) -> list[dict[str, Any]]:
    """For programs."""
    return [asdict(state) for state in states]


def print_table(states: Iterable[State]) -> None:
    """For people."""
    table = Table()
    for column in ("engine", "state", "address", "pid", "memory", "up for"):
        table.add_column(column, overflow="fold", justify="right" if column in ("pid", "memory", "up for") else "left")
    for state in states:
        held = f"{state.memory_bytes / 1e6:.0f} MB" if state.memory_bytes else ""
        age = str(timedelta(seconds=state.up_seconds)) if state.up_seconds is not None else ""
        table.add_row(state.name, state.state, state.address or "", str(state.pid or ""), held, age)
    Console().print(table)


class Lines:
    """A line for each engine: on a terminal one that moves, elsewhere one each time that there is news."""

    def __init__(self, names: Iterable[str]) -> None:
        """Shown from `running` on."""
        self._console = Console(stderr=True)
        columns = (SpinnerColumn(finished_text=" "), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._tasks = {name: self._progress.add_task(f"{name:<9}", total=1) for name in names}

    @contextmanager
    def running(self) -> Iterator[None]:
        """While they move."""
        with self._progress:
            yield

    def say(self, name: str, text: str, *, done: bool = False) -> None:
        """News of one engine."""
        if self._console.is_terminal:
            self._progress.update(self._tasks[name], description=f"{name:<9} {text}", completed=int(done))
        else:
            self._console.out(f"{name:<9} {text}", highlight=False)
