"""Look at what waits for a human, and decide it from the command line.

scripts/decide                               what waits, the most urgent first
scripts/decide REQUEST                       one request, with everything needed to decide
scripts/decide REQUEST approve|reject [--notes TEXT]
scripts/decide REQUEST modify --action FILE  the changed action as JSON
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from events.jsontext import JsonError, loads
from scripts.demo import Client, password_in, reason_line


def main() -> int:
    """Returns 0 when what was asked was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("request", nargs="?", help="the id of a request")
    parser.add_argument("decision", nargs="?", choices=["approve", "reject", "modify"])
    parser.add_argument("--notes", default="", help="why, for the record")
    parser.add_argument("--action", type=Path, help="a file with the changed action, for modify")
    parser.add_argument("--user", default="admin@demo.example", help="who decides")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--home", type=Path, default=Path(".bizosaas"), help="where the demo password is kept")
    options = parser.parse_args()
    client = Client(f"http://127.0.0.1:{options.port}", options.user, password_in(options.home))
    console = Console()
    if options.request is None:
        return _list(client, console)
    if options.decision is None:
        return _answer(client.call("GET", f"/hitl/requests/{options.request}"), console)
    body = {"request_id": options.request, "decision": options.decision, "notes": options.notes}
    if options.decision == "modify":
        body["modified_action"] = _action(options.action)
    return _answer(client.call("POST", "/hitl/decision", body), console)


def _action(path: Path | None) -> Any:
    if path is None:
        sys.exit("modify needs --action FILE, the changed action as JSON")
    try:
        return loads(path.read_bytes())
    except (OSError, JsonError) as error:
        sys.exit(f"{path}: {error}")


def _list(client: Client, console: Console) -> int:
    table = Table()
    table.add_column("request", no_wrap=True, min_width=32)  # to be copied
    for column in ("urgency", "task", "why it stopped", "until"):
        table.add_column(column, overflow="fold")
    for item in client.call("GET", "/hitl/pending?limit=200")["items"]:
        why = "\n".join(reason_line(reason) for reason in item["reasons"])
        table.add_row(item["id"], item["urgency"], item["task_type"], why, item["expires_at"][:16])
    console.print(table)
    return 0


def _answer(answer: Any, console: Console) -> int:
    console.print_json(data=answer, default=str)
    return 1 if "title" in answer and "detail" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
