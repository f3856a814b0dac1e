"""Measure the platform on this machine, each figure beside a baseline of the same run.

    scripts/bench [--quick] [--only NAME ...] [--json FILE] [--list]

Everything runs in throwaway folders and speaks to the loopback interface only. Ours and the baseline take turns, and
the table shows the median of the rounds with the quartiles, so that a busy machine shows as a wide spread.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.benchmarks import bridge, cold, machine, memory, messages, orders, pages, tasks, verdict, warm
from scripts.benchmarks.measure import Bench, Figure, Skipped, quartiles

Run = Callable[[Bench], Iterable[Figure]]
#: (name, what it measures, the function)
BENCHMARKS: tuple[tuple[str, str, Run], ...] = (
    ("cold", "a first call to a sleeping function, against starting a process for it", cold.run),
    ("cold-role", "the same for a CrewAI role, against a process that imports CrewAI", cold.run_role),
    ("memory", "all functions asleep, and awake and idle, against one process each", memory.run),
    ("warm", "forwarding a call, CPU of the host, against nginx with the same function process", warm.run),
    ("tasks", "order tasks from submit to done: CPU and time, against the same work in one process", tasks.run),
    ("tasks-real", "the same on PostgreSQL, RabbitMQ, Kafka, Redis and S3; CPU of the engines apart", tasks.run_real),
    ("bridge", "what the bridge hands on, by prefetch, beside a bare reader of the same engine", bridge.run),
    ("celery", "messages done once in PostgreSQL, from RabbitMQ, CPU and time, beside Celery", messages.run),
    ("celery-tasks", "whole order tasks on real engines, beside a chain of four Celery tasks", orders.run),
    ("pages", "the first page of 1,000,000 waiting requests, tasks and facts, against 1,000", pages.run),
    ("verdict", "judging a task with explanation, against bare conditions without", verdict.run),
)
ROUNDS, QUICK_ROUNDS = 7, 3


def main() -> int:
    """Returns 0, or 1 when a benchmark failed."""
    options = _options()
    if options.list:
        for name, about, _ in BENCHMARKS:
            print(f"{name:10} {about}")
        return 0
    console = Console(width=None if sys.stdout.isatty() else 160)
    facts = machine.describe() | {"rounds": options.rounds}
    console.print(_about(facts))
    figures, problems = _measure(options, console)
    console.print(_table(figures))
    for name, problem in problems.items():
        console.print(f"{name}: {problem}", style="yellow", markup=False)
    if options.json:
        document = {"machine": facts, "figures": [figure.to_json() for figure in figures], "not_measured": problems}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 1 if any(not problem.startswith("skipped") for problem in problems.values()) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [name for name, _, _ in BENCHMARKS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="one of: " + ", ".join(names))
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it works, not to compare")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save all numbers")
    parser.add_argument("--list", action="store_true", help="what there is to measure")
    options = parser.parse_args()
    if options.json and not options.json.absolute().parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.absolute().parent}")
    options.rounds = QUICK_ROUNDS if options.quick else ROUNDS
    return options


def _measure(options: argparse.Namespace, console: Console) -> tuple[list[Figure], dict[str, str]]:
    """All figures, and why the others are missing."""
    figures: list[Figure] = []
    problems: dict[str, str] = {}
    for name, _, run in BENCHMARKS:
        if options.only and name not in options.only:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder, console.status(name) as status:
            bench = Bench(options.rounds, Path(folder), _progress(console, status))
            try:
                figures.extend(run(bench))
            except Skipped as why:
                problems[name] = f"skipped: {why}"
            except (RuntimeError, TimeoutError, OSError) as error:  # what a measurement can meet; the others go on
                problems[name] = f"failed: {error}"
        told = f"{name}: {problems.get(name, 'done')}, {time.monotonic() - began:.0f} s"
        console.print(told, style="dim", markup=False)
    return figures, problems


def _progress(console: Console, status: Any) -> Callable[[str], None]:
    """A line that changes where a person looks, nothing elsewhere."""
    return status.update if console.is_terminal else lambda _text: None


def _about(facts: dict[str, Any]) -> str:
    load = ", ".join(f"{number:.2f}" for number in facts["load_at_start"])
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_mib']} MiB, load {load}, Linux {facts['kernel']}, "
        f"Python {facts['python']}; median of the rounds (quartiles)"
    )


def _table(figures: Iterable[Figure]) -> Table:
    table = Table()
    for column, justify in (("figure", "left"), ("ours", "right"), ("baseline", "right"), ("", "left"),
                            ("times better", "right"), ("goal", "left")):  # fmt: skip
        table.add_column(column, justify=justify)  # type: ignore[arg-type]  # the literals are among those it takes
    for figure in figures:
        ratio = "" if figure.ratio is None else _number(figure.ratio)
        reached = {None: "", True: " reached", False: " MISSED"}[figure.reached]
        table.add_row(
            f"{figure.name}, {figure.unit}",
            _spread(figure.ours),
            _spread(figure.baseline),
            figure.against,
            ratio,
            figure.goal + reached,
        )
    return table


def _spread(numbers: tuple[float, ...]) -> str:
    if not numbers:
        return ""
    low, middle, high = quartiles(numbers)
    return _number(middle) if len(numbers) == 1 else f"{_number(middle)} ({_number(low)} - {_number(high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
