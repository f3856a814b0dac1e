"""What a command shows: tables for people (colours on a terminal only), or JSON. Progress goes to the error stream."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from scripts.command.failure import Failure

_WIDE = 1000


def clean(value: Any) -> str:
    """A value as text that a terminal only shows: control characters in it steer nothing."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, default=float)
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def print_json(value: Any) -> None:
    """A value as JSON, for people and programs."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=float))


def print_line(value: Any) -> None:
    """A value as JSON on one line, at once: for what goes on."""
    print(json.dumps(value, ensure_ascii=False, default=float), flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], whole: Sequence[str] = ()) -> None:
    """Rows under columns; those named in `whole` are never broken, so that they can be copied."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        shown.add_column(column, overflow="fold", no_wrap=column in whole)
    for row in rows:
        shown.add_row(*(Text(clean(cell)) for cell in row))
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDE  # nobody's window: a row is one line
    console.print(shown)


def say(text: str, style: str = "") -> None:
    """One line for people."""
    Console().print(Text(clean(text), style=style), soft_wrap=True)


def details(value: dict[str, Any]) -> None:
    """Names and values, one below the other; what is nested is JSON."""
    width = max((len(name) for name in value), default=0)
    for name, item in value.items():
        nested = isinstance(item, (dict, list)) and item
        text = json.dumps(item, indent=2, ensure_ascii=False, default=float) if nested else clean(item)
        lines = clean(text).split("\n")
        shown = Text(f"{name:<{width}}  ", style="bold")
        shown.append(("\n" + " " * (width + 2)).join(lines), style="not bold")
        Console().print(shown, soft_wrap=True)


def moment(text: str | None) -> str:
    """An RFC 3339 time to the second, in UTC as it came."""
    return "" if text is None else datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> str:
    """So many seconds as a person says it: 90 is 1m 30s."""
    whole = int(seconds)
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // below}{small}"
    return f"{whole}s"


def reason_line(reason: dict[str, Any]) -> str:
    """A reason in one line: the trigger, the field, its value, the limit, and why where value and limit do not say."""
    notes = [] if reason.get("limit") is None else [f"limit {clean(reason['limit'])}"]
    notes += [reason["why"]] if reason.get("why") else []
    behind = f" ({'; '.join(notes)})" if notes else ""
    found = "not known" if reason["actual"] is None else clean(reason["actual"])[:80]
    return f"{reason['trigger']}: {reason['field']} is {found}{behind}"


def progress() -> Progress:
    """A bar on the error stream; nothing where that is no terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else what is shown would go to the error stream, not into the file
    )


def complain(failure: Failure, *, as_json: bool) -> None:
    """Say on the error stream what failed, each field with its rule, and the cure."""
    if as_json:
        print(json.dumps(failure.document(), ensure_ascii=False), file=sys.stderr)
        return
    console = Console(stderr=True)
    title = Text(clean(failure.title), style="bold red")
    repeated = failure.detail == "; ".join(f"{field}: {rule}" for field, rule in failure.problems)
    rest = f": {clean(failure.detail)}" if failure.detail and not repeated else ""
    console.print(title.append(rest, style="not bold default"), soft_wrap=True)
    for field, rule in failure.problems:
        console.print(Text(f"  {clean(field)}: {clean(rule)}"), soft_wrap=True)
    if failure.cure:
        console.print(Text(clean(failure.cure)), soft_wrap=True)
