"""What a person sees of a soak: how it goes, and what it found."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from scripts.trial.count import as_table, to_data

if TYPE_CHECKING:
    from scripts.soak import Soaked
    from scripts.trial.hurts import Hurt
    from scripts.trial.load import Load
    from scripts.trial.torment import Torment
    from scripts.trial.watch import Watch

_LINE_SECONDS = 15.0
_SHOWN = 12


class Progress:
    """A table that moves on a terminal, elsewhere a line now and then."""

    def __init__(self, console: Console, load: Load, watch: Watch, torment: Torment) -> None:
        self._console = console
        self._load = load
        self._watch = watch
        self._torment = torment
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._line_at = 0.0
        self._phase = ""

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, left: float, phase: str) -> None:
        """Show how it stands; `left` are seconds."""
        rows = self._rows(left, phase)
        if self._live:
            table = Table.grid(padding=(0, 2))
            for name, value in rows:
                table.add_row(name, value)
            self._live.update(table, refresh=True)
        elif time.monotonic() >= self._line_at or phase != self._phase:
            self._line_at = time.monotonic() + _LINE_SECONDS
            self._console.out(
                ", ".join(f"{name} {value}".strip() for name, value in rows if value or name == phase), highlight=False
            )
        self._phase = phase

    def _rows(self, left: float, phase: str) -> list[tuple[str, str]]:
        memory = self._watch.weights[-1].parts if self._watch.weights else {}
        return [
            (phase, f"{timedelta(seconds=int(left))} left" if left > 0 else ""),
            ("submitted", str(self._load.submitted)),
            ("done", str(self._watch.done)),
            ("waiting", str(self._watch.waiting)),
            ("under way", str(self._watch.under_way)),
            ("hurts", str(len(self._torment.wounds))),
            ("last", self._torment.last),
            ("memory", " ".join(f"{name} {_mega(held)}" for name, held in sorted(memory.items()))),
        ]


def print_hurts(hurts: Sequence[Hurt], console: Console) -> None:
    """The table of what can be done to a platform."""
    whole = sum(hurt.weight for hurt in hurts)
    table = Table("hurt", "lasts", "share")
    for hurt in hurts:
        lasts = f"{hurt.lasts[0]:g} to {hurt.lasts[1]:g} s" if hurt.lasts[1] else ""
        table.add_row(hurt.name, lasts, f"{100 * hurt.weight / whole:.0f} %")
    console.print(table)


def print_result(soaked: Soaked, console: Console) -> None:
    """Everything that a person needs to judge it."""
    counts = ", ".join(f"{name} {times}" for name, times in sorted(soaked.torment.counts.items()))
    console.print(f"\n{soaked.seconds:.0f} s; hurt {len(soaked.torment.wounds)} times: {counts}")
    answers = ", ".join(f"{status} {times}" for status, times in sorted(soaked.answers.items()))
    console.print(f"callers were answered: {answers}\n")
    console.print(as_table(soaked.reckoning))
    _print_memory(soaked.watch, console)
    for text, times in Counter(soaked.complaints).most_common(_SHOWN):
        console.print(f"logged {times} times: {text}", markup=False, highlight=False)
    for text, times in Counter(soaked.wrong).most_common(_SHOWN):
        console.print(f"WRONG ({times}): {text}", style="red", markup=False, highlight=False)
    console.print("the count is exact, and nothing was wrong" if soaked.good else "NOT GOOD", style="bold")


def _print_memory(watch: Watch, console: Console) -> None:
    table = Table("memory", "first quarter", "last quarter", "most")
    for name, trend in watch.trends().items():
        table.add_row(name, *(_mega(value) for value in (trend.first, trend.last, trend.most)))
    if table.row_count:
        console.print(table)


def _mega(value: float) -> str:
    return f"{value / 1e6:.0f} MB"


def as_data(soaked: Soaked) -> dict[str, Any]:
    """For programs: bytes and seconds."""
    return {
        "good": soaked.good,
        "seconds": soaked.seconds,
        "reckoning": to_data(soaked.reckoning),
        "wrong": list(soaked.wrong),
        "answers": soaked.answers,
        "hurts": dict(soaked.torment.counts),
        "wounds": [asdict(wound) for wound in soaked.torment.wounds],
        "memory": {name: asdict(trend) for name, trend in soaked.watch.trends().items()},
        "weights": [asdict(weight) for weight in soaked.watch.weights],
        "complaints": soaked.complaints,
    }
