"""tasks submit, watch, show, list."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from events.jsontext import JsonError, loads
from scripts.command.client import Client, path_of
from scripts.command.failure import LATER, NO, REFUSED, Failure, misused
from scripts.command.options import AsJson, Limit, Url, seconds_of
from scripts.command.pace import Pace
from scripts.command.show import clean, details, moment, print_json, print_line, progress, say, table

app = typer.Typer(name="tasks", help="Ask for work, and follow it.", no_args_is_help=True, rich_markup_mode=None)
ENDED = ("completed", "rejected", "failed", "cancelled")
_LOOK_AGAIN = 0.5

TaskId = Annotated[str, typer.Argument(metavar="TASK", help="The id of a task")]


@app.command()
def submit(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="order, support_ticket, ...")],
    data: Annotated[str, typer.Option(help="The task's data, a JSON object")] = "",
    file: Annotated[Path | None, typer.Option(help="Many tasks: each line the data of one; - is the input")] = None,
    description: Annotated[str, typer.Option(help="What is to be done")] = "",
    expected_output: Annotated[str, typer.Option(help="What is to come of it")] = "",
    role: Annotated[str, typer.Option(help="Which agent role begins; that of the type unless given")] = "",
    priority: Annotated[int | None, typer.Option(min=0, max=10)] = None,
    key: Annotated[str, typer.Option(help="The same key again is the same task; with --file, key:LINE")] = "",
    rate: Annotated[float, typer.Option(min=0, help="Tasks a second at most, with --file; 0: as fast as it goes")] = 0,
    watch_it: Annotated[bool, typer.Option("--watch", help="Follow the task to its end")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Submit a task, or one for each line of a file.

    It may be repeated safely: the platform takes each key once. What is refused is said with its line, and the others
    are sent all the same; the exit code is 65 then.
    """
    if bool(data) == bool(file) or (file and watch_it):
        raise misused("give the task as --data, or many as --file (those cannot be watched)")
    more = {"description": description, "expected_output": expected_output, "role": role, "priority": priority}
    body = {"type": kind} | {name: value for name, value in more.items() if value not in ("", None)}
    client = Client(url)
    if file:
        _submit_all(client, body, list(_lines(file)), key or secrets.token_hex(8), rate, as_json=as_json)
        return
    accepted = client.post("/tasks", body | {"data": _object(data, "--data")}, key or secrets.token_hex(16))
    if watch_it:
        _follow(client, accepted["id"], None, as_json=as_json)
    elif as_json:
        print_json(accepted)
    else:
        say(f"{accepted['id']}  {accepted['status']}  {accepted['role']}  {', '.join(accepted['triggers'])}".rstrip())


def _submit_all(
    client: Client, body: dict[str, Any], items: list[tuple[int, Any]], key: str, rate: float, *, as_json: bool
) -> None:
    pace = Pace(rate)
    refused: list[tuple[int, Failure]] = []
    with progress() as bar:
        for number, data in bar.track(items, description="submitting"):
            pace.wait(1)
            try:
                accepted = client.post("/tasks", body | {"data": data}, f"{key}:{number}")
            except Failure as failure:
                if failure.code != REFUSED:
                    raise
                refused.append((number, failure))
                continue
            told = {"line": number, **accepted}
            print_line(told) if as_json else print(f"{number:>6}  {clean(accepted['id'])}  {accepted['status']}")
    if refused:
        lines = "; ".join(f"line {number}: {failure.detail}" for number, failure in refused[:20])
        problems = tuple((f"line {n}: {field}", rule) for n, failure in refused for field, rule in failure.problems)
        raise Failure(REFUSED, f"{len(refused)} of {len(items)} were refused", lines, problems=problems)


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise misused(f"--file: cannot read {path}: {reason}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _object(line, f"{path}, line {number}")


def _object(text: str, where: str) -> Any:
    try:
        value = loads(text)
    except JsonError as error:
        raise misused(f"{where}: {error}") from None
    if not isinstance(value, dict):
        raise misused(f"{where}: must be a JSON object")
    return value


@app.command()
def show(task: TaskId, url: Url = None, as_json: AsJson = False) -> None:
    """One task with what its roles found."""
    told = Client(url).get(path_of("tasks", task))
    print_json(told) if as_json else details(told)


@app.command("list")
def list_tasks(
    status: Annotated[str, typer.Option(help="queued, running, awaiting_approval, completed, ...")] = "",
    kind: Annotated[str, typer.Option("--type", help="order, support_ticket, ...")] = "",
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """The tasks, newest first."""
    items: list[Any] = []
    cursor = None
    for page in Client(url).pages("/tasks", limit, status=status or None, type=kind or None):
        items += page["items"]
        cursor = page["next_cursor"]
    if as_json:
        print_json({"items": items, "next_cursor": cursor})
        return
    rows = [(one["id"], one["type"], one["status"], one["role"], moment(one["created_at"])) for one in items]
    table(("task", "type", "status", "role", "made"), rows, whole=("task",))


@app.command()
def watch(
    task: TaskId,
    timeout: Annotated[str, typer.Option(help="Give up after 90s, 15m, 2h, ...: exit code 75")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Follow a task until it ends: each thing that happens to it, then the task.

    The exit code is 0 when it was completed, 1 when it was rejected, cancelled or failed.
    """
    _follow(Client(url), task, seconds_of(timeout, "--timeout") if timeout else None, as_json=as_json)


def _follow(client: Client, task: str, seconds: float | None, *, as_json: bool) -> None:
    until = None if seconds is None else time.monotonic() + seconds
    cursor: str | None = None
    shown: set[str] = set()
    while True:
        told = client.get(path_of("tasks", task))  # before the timeline, so that its end is in there
        for page in client.pages(f"{path_of('tasks', task)}/events", 0, cursor=cursor):
            for one in page["items"]:
                if one["id"] not in shown:
                    shown.add(one["id"])
                    print_line(one) if as_json else print(_happening(one), flush=True)
            cursor = page["next_cursor"] or cursor
        if told["status"] in ENDED:
            break
        if until is not None and time.monotonic() > until:
            raise Failure(LATER, "Time is over", f"the task is {told['status']}")
        time.sleep(_LOOK_AGAIN)
    if as_json:
        print_line(told)
    else:
        say(f"{told['status']}{': ' + told['why'] if told['why'] else ''}", "bold")
    if told["status"] != "completed":
        raise typer.Exit(NO)


def _happening(one: dict[str, Any]) -> str:
    names = ("role", "status", "decision", "outcome", "error", "queue", "triggers")
    facts = (f"{name}={clean(one['data'][name])}" for name in names if one["data"].get(name))
    return f"{moment(one['time'])}  {one['type']:<16}  {'  '.join(facts)}"
