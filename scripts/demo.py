"""Send a realistic day of one shop through the front door, and show what became of it.

    scripts/demo [--seed 7] [--file ORDERS.jsonl] [--port 8080] [--home .bizosaas]

Without a file: 40 orders and 10 support tickets, made from the seed so that they repeat. With one: each line is the
data of an order task (an object) or the body of Saleor's ORDER_CREATED webhook (an array). The platform of
`scripts/up` must be running.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import urllib3
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from events.jsontext import JsonError, dumps, loads
from scripts.command.show import reason_line
from scripts.demo_day import orders, tickets

ENDED = ("completed", "rejected", "failed", "cancelled")
WAITS = "awaiting_approval"
PATIENCE_SECONDS = 120.0


class Job(NamedTuple):
    """One thing to send: a task of a type, or a webhook body."""

    kind: str
    body: Any


class Client:
    """The API as one user."""

    def __init__(self, base: str, email: str, password: str) -> None:
        """Sign in. Exits with the reason when that does not work, as `call` does when nobody answers."""
        self._base = base
        self._silence = f"nothing answers on {base}; start it with scripts/up in another terminal"
        self._http = urllib3.PoolManager(retries=urllib3.Retry(total=5, status_forcelist=[503], allowed_methods=None))
        self._headers = {"content-type": "application/json"}
        try:
            answer = self.call("POST", "/auth/login", {"email": email, "password": password})
        except JsonError:
            sys.exit(f"what answers on {base} is not this platform")
        if "access_token" not in answer:
            sys.exit(f"cannot sign in as {email}: {answer.get('detail')}")
        self._headers["authorization"] = f"Bearer {answer['access_token']}"
        self._silence = (
            f"{base} answers no more; what it took is kept: start it again with scripts/up, then say this again"
        )

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call; the JSON of the answer, whatever its status."""
        data = None if body is None else dumps(body).encode()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = self._http.request(method, self._base + path, body=data, headers=self._headers | more)
        except urllib3.exceptions.HTTPError:
            sys.exit(self._silence)
        return loads(answer.data)


def main() -> int:
    """Returns 0 when everything was taken and nothing is left undone."""
    options = _options()
    batches = _batches(options)
    console = Console()
    client = Client(f"http://127.0.0.1:{options.port}", "admin@demo.example", password_in(options.home))
    began = time.monotonic()
    tasks: list[Any] = []
    refused: list[tuple[Job, str]] = []
    silent: list[str] = []
    for batch in batches:  # tickets ask about orders of the day, so they come when those are done
        sent, bad = _send(client, batch, options, console)
        seen, without = _follow(client, sent, console)
        tasks += seen
        silent += without
        refused += bad
    _show(client, tasks, refused, time.monotonic() - began, options, console)
    if silent:
        look = "scripts/bizosaas queues peek domain.orders"
        console.print(f"no task came of {', '.join(silent)}; {look} may say why", soft_wrap=True)
    return 1 if refused or silent or any(task["status"] not in (*ENDED, WAITS) for task in tasks) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same day")
    parser.add_argument("--orders", type=int, default=40, help="how many orders to make")
    parser.add_argument("--tickets", type=int, default=10, help="how many support tickets to make")
    parser.add_argument("--file", type=Path, help="your own orders, one JSON a line")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--home", type=Path, default=Path(".bizosaas"), help="where the demo password is kept")
    return parser.parse_args()


def password_in(home: Path) -> str:
    """The demo password: the environment's, else the home's. Exits with the cure where there is none."""
    given = os.environ.get("BIZOSAAS_DEMO_PASSWORD")
    path = home / "demo-password"
    if not given and not path.exists():
        sys.exit(f"there is no {path}; name the home of scripts/up with --home")
    return given or path.read_text().strip()


def _batches(options: argparse.Namespace) -> list[list[Job]]:
    if options.file is None:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)  # within the hour a day repeats exactly
        day = [Job("order", order) for order in orders(options.seed, options.orders, now)]
        asked = tickets(options.seed, options.tickets, now, options.orders)
        return [day, [Job("support_ticket", ticket) for ticket in asked]]
    try:
        return [list(_read(options.file))]
    except OSError as error:
        sys.exit(f"cannot read {options.file}: {error.strerror}")
    except UnicodeDecodeError:
        sys.exit(f"cannot read {options.file}: it is not UTF-8 text")


def _read(path: Path) -> Iterator[Job]:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            body = loads(line)
        except JsonError as error:
            sys.exit(f"{path}, line {number}: {error}")
        if not isinstance(body, (dict, list)):
            sys.exit(f"{path}, line {number}: must be an order's data (an object) or Saleor's body (an array)")
        yield Job("saleor" if isinstance(body, list) else "order", body)


def _send(
    client: Client, jobs: list[Job], options: argparse.Namespace, console: Console
) -> tuple[list[str], list[tuple[Job, str]]]:
    """Task ids (or causes, for webhooks), and what was refused with the reason."""
    sent: list[str] = []
    refused: list[tuple[Job, str]] = []
    with _bar(console) as bar:
        for job in bar.track(jobs, description="sending"):
            answer = _send_one(client, job, options.seed)
            if "id" in answer:
                sent.append(answer["id"])
            elif "events" in answer:
                sent.append(f"/saleor#{answer['events'][0]['id']}")
            else:
                refused.append((job, str(answer.get("detail"))))
    return list(dict.fromkeys(sent)), refused  # the same order twice is one task


def _send_one(client: Client, job: Job, seed: int) -> Any:
    if job.kind == "saleor":
        return client.call("POST", "/events", job.body, saleor_event="order_created")
    key = hashlib.sha256(f"{seed}{dumps(job.body)}".encode()).hexdigest()
    return client.call("POST", "/tasks", {"type": job.kind, "data": job.body}, idempotency_key=key)


def _follow(client: Client, sent: list[str], console: Console) -> tuple[list[Any], list[str]]:
    """The tasks, when each has ended or waits for a human, or when patience is over; and the webhooks without one."""
    found: dict[str, Any] = {}
    until = time.monotonic() + PATIENCE_SECONDS
    with _bar(console) as bar:
        job = bar.add_task("working", total=len(sent))
        while len(found) < len(sent) and time.monotonic() < until:
            for task in _all_tasks(client):
                name = task["id"] if task["id"] in sent else task["cause"]
                if name in sent and task["status"] in (*ENDED, WAITS):
                    found[name] = task
            bar.update(job, completed=len(found))
            time.sleep(0.25)  # between two looks
    missing = [name for name in sent if name not in found]
    late = [task for task in _all_tasks(client) if task["id"] in missing or task["cause"] in missing] if missing else []
    begun = {name for task in late for name in (task["id"], task["cause"])}
    return [*found.values(), *late], [name for name in missing if name not in begun]


def _all_tasks(client: Client) -> Iterator[Any]:
    cursor = ""
    while True:
        page = client.call("GET", f"/tasks?limit=200&cursor={cursor}")
        yield from page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return


def _bar(console: Console) -> Progress:
    return Progress(TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), console=console)


def _show(
    client: Client,
    tasks: list[Any],
    refused: list[tuple[Job, str]],
    seconds: float,
    options: argparse.Namespace,
    console: Console,
) -> None:
    table = Table(title=f"\n{len(tasks)} tasks in {seconds:.1f} s")
    for column in ("", "orders", "tickets"):
        table.add_column(column, justify="left" if not column else "right")
    counts = Counter((_state(task), task["type"]) for task in tasks)
    for state in ("done by roles", "waiting for a human", "failed or rejected", "still working"):
        table.add_row(state, str(counts[state, "order"]), str(counts[state, "support_ticket"]))
    console.print(table)
    waiting = [task for task in tasks if task["status"] == WAITS]
    if waiting:
        console.print(_waiting_table(waiting))
    for job, why in refused:
        console.print(f"[red]refused[/red] {job.kind}: {why}")
    _say_how_to_decide(client, waiting, options, console)


def _state(task: Any) -> str:
    if task["status"] == "completed":
        return "done by roles"
    if task["status"] == WAITS:
        return "waiting for a human"
    return "failed or rejected" if task["status"] in ENDED else "still working"


def _waiting_table(waiting: list[Any]) -> Table:
    table = Table(title="\nwaiting for a human")
    for column in ("task", "what", "at", "why it stopped"):
        table.add_column(column, overflow="fold")
    for task in waiting:
        data = task["data"]
        what = f"{data.get('amount')} {data.get('currency')}" if task["type"] == "order" else data.get("subject", "")
        why = "\n".join(reason_line(reason) for reason in task["reasons"])
        table.add_row(task["id"][:8], str(what), task["role"], why)
    return table


def _say_how_to_decide(client: Client, waiting: list[Any], options: argparse.Namespace, console: Console) -> None:
    if not waiting:
        return
    pending = client.call("GET", "/hitl/pending?limit=200")["items"]
    ids = {task["id"] for task in waiting}
    request = next((item for item in pending if item["task_id"] in ids), None)
    if request is None:
        return
    base = f"http://127.0.0.1:{options.port}"
    lines = (
        f"login admin@demo.example --password-file {options.home / 'demo-password'} --url {base}",
        f"approvals decide {request['id']} approve --notes 'known customer'",
    )
    console.print("\nDecide one:", style="bold")
    for line in lines:
        console.print(f"  scripts/bizosaas {line}", soft_wrap=True, highlight=False, markup=False)
    console.print("or", style="bold")
    console.print(
        f"  curl -s {base}/hitl/decision -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' "
        f'-d \'{{"request_id": "{request["id"]}", "decision": "approve", "notes": "known customer"}}\'',
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    console.print("  ($TOKEN: the access_token of POST /auth/login; scripts/up prints how)", style="dim")


if __name__ == "__main__":
    sys.exit(main())
